using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Evaluation.Confidence;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Detection;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync eval sync`.</summary>
internal static class EvalSyncCommand
{
    private static readonly Option<string> Video = new("--video", "-v")
    {
        Description = "the video to measure",
        Required = true,
        HelpName = "FILE",
    };
    private static readonly Option<string?> Audio = new("--audio", "-a")
    {
        Description = "its speech, if it is not in the video",
        HelpName = "FILE",
    };
    private static readonly Option<string?> Checkpoint = new("--checkpoint", "-c")
    {
        Description = "folder with auxiliary/syncnet_v2.model, or else stable_syncnet.pt",
        HelpName = "DIR",
    };
    private static readonly Option<string?> SyncNet = new("--syncnet")
    {
        Description = "syncnet_v2.model, the SyncNet of Chung and Zisserman: comparable with published figures",
        HelpName = "FILE",
    };
    private static readonly Option<string?> StableSyncNet = new("--stable-syncnet")
    {
        Description = "stable_syncnet.pt or a file of the same layout: offsets, and a confidence on a scale of its own",
        HelpName = "FILE",
    };
    private static readonly Option<string?> Config = new("--config")
    {
        Description = "the StableSyncNet's configuration (YAML); default: worked out from its tensors",
        HelpName = "FILE",
    };
    private static readonly Option<string> Detector = (Option<string>)DeclaredOption.Of(SyncOptions.Table[nameof(SyncOptions.Detector)]);
    private static readonly Option<string?> Landmarks = new("--landmarks")
    {
        Description = "landmarks file (JSON) to use in place of a detector; see docs/landmarks-file.md",
        HelpName = "FILE",
    };
    private static readonly Option<string?> FaceModels = new("--face-models")
    {
        Description = "folder with face models; default: auxiliary/ in the checkpoint folder",
        HelpName = "DIR",
    };
    private static readonly Option<string?> Cascades = new("--cascades")
    {
        Description = "folder with OpenCV's Haar cascades",
        HelpName = "DIR",
    };
    private static readonly Option<int?> Face = new("--face")
    {
        Description = "which of several faces, counted from the left, 0 first; default: the largest",
        HelpName = "N",
    };
    private static readonly Option<int> MinimumFrames = new("--min-frames")
    {
        Description = "skip tracks with no more frames (of 1/25 s) than this",
        DefaultValueFactory = _ => 50,
        HelpName = "N",
    };
    private static readonly Option<double> MinimumSide = new("--min-face")
    {
        Description = "skip faces no larger than this, in pixels",
        DefaultValueFactory = _ => 100,
        CustomParser = DecimalNumber.Parse,
        HelpName = "X",
    };
    private static readonly Option<string> Device = (Option<string>)DeclaredOption.Of(SyncOptions.Table[nameof(SyncOptions.Device)]);
    private static readonly Option<bool> Json = new("--json") { Description = "print the report as JSON" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "sync",
            "Measures how well the lips of a video follow its speech: offset in frames and confidence.",
            """
            With --syncnet it is the usual measure of this field (LSE-C in Wav2Lip, Sync-conf in LatentSync): above 3 counts as synchronised,
            real speech usually has 6 to 9. The offset says by how many frames (of 1/25 s) the sound must be delayed to fit.

            Examples:
              latentsync eval sync --video talk.mp4 --syncnet checkpoints/auxiliary/syncnet_v2.model
              latentsync eval sync --video talk.mp4 --audio talk.wav --stable-syncnet run/checkpoint-5000.pt --config syncnet.yaml --landmarks talk.json
            """
        )
        {
            Video,
            Audio,
            Checkpoint,
            SyncNet,
            StableSyncNet,
            Config,
            Detector,
            Landmarks,
            FaceModels,
            Cascades,
            Face,
            MinimumFrames,
            MinimumSide,
            Device,
            Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        string? checkpoint = parsed.GetValue(Checkpoint);
        SyncJudgeOptions judge = new()
        {
            CheckpointFolder = checkpoint,
            SyncNetPath = parsed.GetValue(SyncNet),
            StableSyncNetPath = parsed.GetValue(StableSyncNet),
            StableSyncNetConfigurationPath = parsed.GetValue(Config),
            Device = parsed.GetRequiredValue(Device),
        };
        SyncConfidenceOptions options = new()
        {
            VideoPath = parsed.GetRequiredValue(Video),
            AudioPath = parsed.GetValue(Audio),
            Detector = parsed.GetRequiredValue(Detector),
            Faces = new FaceDetectorOptions
            {
                LandmarksPath = parsed.GetValue(Landmarks),
                ModelFolders =
                [
                    .. new[]
                    {
                        parsed.GetValue(FaceModels),
                        checkpoint is null ? null : Path.Combine(checkpoint, "auxiliary"),
                        checkpoint,
                    }.OfType<string>(),
                ],
                CascadesFolder = parsed.GetValue(Cascades),
            },
            FaceIndex = parsed.GetValue(Face),
            MinimumTrackFrames = parsed.GetValue(MinimumFrames),
            MinimumFaceSide = parsed.GetValue(MinimumSide),
        };
        TorchRuntime.EnsureLoaded();
        using ProgressDisplay display = new();
        SyncConfidenceReport report = await display.RunAsync(async sink =>
        {
            using SyncConfidence measure = SyncConfidence.Open(judge);
            return await measure.MeasureAsync(options, new Lines(sink), cancellationToken);
        });
        Write(report, parsed.GetValue(Json));
        return ExitCode.Done;
    }

    private static void Write(SyncConfidenceReport report, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(report, JsonOutput.Options));
            return;
        }
        foreach (string warning in report.Warnings)
        {
            Say.Warning(warning);
        }
        WrappedText.Write(PrintableText.Escape($"network     {report.Network}"), hang: 12);
        WrappedText.Write(PrintableText.Escape($"faces       {report.Detector}"), hang: 12);
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"offset      {report.OffsetFrames} frames"));
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"confidence  {report.Confidence:0.000}"));
        Console.Out.WriteLine();
        Console.Out.WriteLine("  first  frames  face  windows  offset  confidence");
        foreach (SyncTrackScore track in report.Tracks)
        {
            Console.Out.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{track.FirstFrame, 7}{track.FrameCount, 8}{track.FaceSide, 6:0}{track.Windows, 9}{track.OffsetFrames, 8}{track.Confidence, 12:0.000}"
                )
            );
        }
    }

    private sealed class Lines(IProgress<ProgressLine> sink) : IProgress<SyncConfidenceProgress>
    {
        public void Report(SyncConfidenceProgress value) => sink.Report(new ProgressLine(value.Title, value.Done, value.Total, "frames"));
    }
}
