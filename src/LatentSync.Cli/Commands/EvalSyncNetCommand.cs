using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Training.Loops.SyncNets;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync eval syncnet`.</summary>
internal static class EvalSyncNetCommand
{
    private static readonly Option<string> Data = new("--data", "-d")
    {
        Description = "folder of aligned face videos (*.mp4, 25 fps) or a list of them, one path per line; not those it was trained on",
        Required = true,
        HelpName = "DIR|LIST",
    };
    private static readonly Option<string> Checkpoint = new("--checkpoint", "-c")
    {
        Description = "stable_syncnet.pt or a file of the same layout",
        Required = true,
        HelpName = "FILE",
    };
    private static readonly Option<string?> Config = new("--config")
    {
        Description = "the network's configuration (YAML); default: worked out from its tensors",
        HelpName = "FILE",
    };
    private static readonly Option<int> Samples = new("--samples")
    {
        Description = "pairs of pictures and sound to judge",
        DefaultValueFactory = _ => 2048,
        HelpName = "N",
    };
    private static readonly Option<int> Batch = new("--batch")
    {
        Description = "pairs at a time",
        DefaultValueFactory = _ => 8,
        HelpName = "N",
    };
    private static readonly Option<long> Seed = new("--seed")
    {
        Description = "picks the pairs",
        DefaultValueFactory = _ => 1247L,
        HelpName = "N",
    };
    private static readonly Option<string?> Vae = new("--vae")
    {
        Description = "folder of the image autoencoder, if the network takes latents",
        HelpName = "DIR",
    };
    private static readonly Option<string> Device = (Option<string>)DeclaredOption.Of(SyncOptions.Table[nameof(SyncOptions.Device)]);
    private static readonly Option<bool> Json = new("--json") { Description = "print the report as JSON" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "syncnet",
            "Measures how often a StableSyncNet is right: in half of the pairs, picture and sound come from different moments of a video.",
            """
            Guessing gives 50 %; the published network is said to reach 94 %.

            Example:
              latentsync eval syncnet --data heads/faces --checkpoint run/syncnet/checkpoints/checkpoint-5000.pt --config syncnet.yaml
            """
        )
        {
            Data,
            Checkpoint,
            Config,
            Samples,
            Batch,
            Seed,
            Vae,
            Device,
            Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        SyncNetAccuracyOptions options = new()
        {
            DataPath = parsed.GetRequiredValue(Data),
            CheckpointPath = parsed.GetRequiredValue(Checkpoint),
            ConfigurationPath = parsed.GetValue(Config),
            AutoencoderFolder = parsed.GetValue(Vae),
            Samples = parsed.GetValue(Samples),
            BatchSize = parsed.GetValue(Batch),
            Seed = parsed.GetValue(Seed),
            Device = parsed.GetRequiredValue(Device),
        };
        TorchRuntime.EnsureLoaded();
        using ProgressDisplay display = new();
        SyncNetAccuracyReport report = await display.RunAsync(sink =>
            SyncNetAccuracy.MeasureAsync(
                options,
                done => sink.Report(new ProgressLine("judging", done, options.Samples, "pairs")),
                cancellationToken
            )
        );
        if (parsed.GetValue(Json))
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(report, JsonOutput.Options));
            return ExitCode.Done;
        }
        Console.Out.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"accuracy        {report.Accuracy:0.00} % ({report.Correct} of {report.Samples})")
        );
        Console.Out.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"in sync         {report.CorrectInSync} of {report.InSync} found, mean cosine {report.MeanCosineInSync:0.000}"
            )
        );
        Console.Out.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"out of sync     {report.Correct - report.CorrectInSync} of {report.Samples - report.InSync} found, mean cosine {report.MeanCosineOutOfSync:0.000}"
            )
        );
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"cross-entropy   {report.Loss:0.0000} (0.6931 knows nothing)"));
        return ExitCode.Done;
    }
}
