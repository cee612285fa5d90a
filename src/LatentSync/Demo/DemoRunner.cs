using System.Diagnostics;
using LatentSync.Media.Audio;
using LatentSync.Media.Faces;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Video;
using LatentSync.Pipelines;

namespace LatentSync.Demo;

/// <summary>The demo: draws a person who speaks, synthesises other speech, lip-syncs the one to the other, and shows what came out.</summary>
/// <example><code>
/// DemoRunner demo = new((options, progress, cancellation) => pipeline.RunAsync(options, progress, cancellation));
/// DemoResult result = await demo.RunAsync(new DemoOptions { OutputFolder = "demo" });
/// Console.WriteLine(result.ReportPath);
/// </code></example>
public sealed class DemoRunner
{
    private const string InputName = "input.mp4";
    private const string SpeechName = "speech.wav";
    private const string LandmarksName = "landmarks.json";
    private const string OutputName = "output.mp4";
    private const string SheetName = "contact-sheet.png";
    private const string ReportName = "report.html";
    private const string CheckpointName = "checkpoint";

    /// <summary>The video is so much longer than the new speech, so that every output frame has its own input frame.</summary>
    private const double SpareSeconds = 0.2;

    private const int FrameRate = 25;
    private const int SpeechRate = 48000;
    private const int SheetSide = 150;
    private const double SheetSeconds = 0.2;

    private readonly Func<SyncOptions, IProgress<SyncProgress>, CancellationToken, Task<SyncReport>> _sync;

    /// <summary>Makes a demo.</summary>
    /// <param name="sync">The lip-sync pipeline.</param>
    public DemoRunner(Func<SyncOptions, IProgress<SyncProgress>, CancellationToken, Task<SyncReport>> sync)
    {
        ArgumentNullException.ThrowIfNull(sync);
        _sync = sync;
    }

    /// <summary>Runs the whole demo.</summary>
    /// <param name="options">What to do.</param>
    /// <param name="progress">Stages of the demo; null: not told.</param>
    /// <param name="syncProgress">Stages of the lip-sync; null: not told.</param>
    /// <param name="cancellationToken">Stops it; finished files stay, unfinished ones go.</param>
    /// <exception cref="SyncOptionsException">An option is out of its range.</exception>
    /// <exception cref="DemoFolderException">The folder holds a file of the demo's names that the demo did not write.</exception>
    /// <exception cref="Media.MediaException">ffmpeg is missing or fails, or the disk is full.</exception>
    public async Task<DemoResult> RunAsync(
        DemoOptions options,
        IProgress<DemoProgress>? progress = null,
        IProgress<SyncProgress>? syncProgress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        Stopwatch clock = Stopwatch.StartNew();
        FfmpegTools tools = await FfmpegTools.LocateAsync(options.FfmpegPath, cancellationToken).ConfigureAwait(false);
        bool trained = options.CheckpointFolder is not null;
        DemoFolder folder = DemoFolder.Claim(options.OutputFolder, trained ? ResultNames : [.. ResultNames, .. SeededCheckpoint.Files.Select(f => $"{CheckpointName}/{f}")]);

        SyntheticClip clip = InputClip(options);
        HeadLandmarks[] landmarks = await DrawInputAsync(clip, folder, tools, progress, cancellationToken).ConfigureAwait(false);
        SyntheticClip speech = NewSpeech(options);
        WavWriter.Write(folder.PathOf(SpeechName), speech.Speech, SpeechRate);

        string checkpoint = options.CheckpointFolder ?? folder.PathOf(CheckpointName);
        if (!trained)
        {
            progress?.Report(new DemoProgress(DemoStage.Checkpoint, 0, 1));
            SeededCheckpoint.Write(checkpoint, options.Seed, SeededCheckpointSize.Demo, cancellationToken);
            progress?.Report(new DemoProgress(DemoStage.Checkpoint, 1, 1));
        }

        SyncReport sync = await _sync(
            SyncOptionsFor(options, folder, checkpoint), syncProgress ?? new Progress<SyncProgress>(), cancellationToken).ConfigureAwait(false);
        progress?.Report(new DemoProgress(DemoStage.Report, 0, sync.Frames));
        (OpeningCurves curves, byte[] sheet) = await MeasureAsync(speech, landmarks, folder, tools, progress, cancellationToken).ConfigureAwait(false);
        DemoFiles.Write(folder.PathOf(SheetName), sheet);
        DemoReport.Write(folder.PathOf(ReportName), new DemoReportData
        {
            InputPath = folder.PathOf(InputName),
            OutputPath = folder.PathOf(OutputName),
            ContactSheetPng = sheet,
            Curves = curves,
            Sync = sync,
            Trained = trained,
            InferenceSteps = options.InferenceSteps,
            Versions = DemoVersions.Describe(tools),
        });
        folder.Complete();
        return new DemoResult
        {
            InputPath = folder.PathOf(InputName),
            SpeechPath = folder.PathOf(SpeechName),
            OutputPath = folder.PathOf(OutputName),
            ReportPath = folder.PathOf(ReportName),
            ContactSheetPath = folder.PathOf(SheetName),
            CheckpointFolder = checkpoint,
            Trained = trained,
            Sync = sync,
            Curves = curves,
            TotalSeconds = clock.Elapsed.TotalSeconds,
        };
    }

    private static string[] ResultNames => [InputName, SpeechName, LandmarksName, OutputName, SheetName, ReportName];

    private static SyntheticClip InputClip(DemoOptions options) => SyntheticClip.Generate(new SyntheticClipOptions
    {
        Seed = options.Seed,
        DurationSeconds = options.DurationSeconds + SpareSeconds,
        Width = options.Size,
        Height = options.Size,
        FrameRate = FrameRate,
        SampleRate = SpeechRate,
    });

    /// <summary>The same voice, another sentence.</summary>
    private static SyntheticClip NewSpeech(DemoOptions options) => SyntheticClip.Generate(new SyntheticClipOptions
    {
        Seed = options.Seed,
        SpeechSeed = unchecked(options.Seed * 31 + 17),
        DurationSeconds = options.DurationSeconds,
        FrameRate = FrameRate,
        SampleRate = SpeechRate,
    });

    private static SyncOptions SyncOptionsFor(DemoOptions options, DemoFolder folder, string checkpoint) => new()
    {
        VideoPath = folder.PathOf(InputName),
        AudioPath = folder.PathOf(SpeechName),
        OutputPath = folder.PathOf(OutputName),
        CheckpointFolder = checkpoint,
        LandmarksPath = folder.PathOf(LandmarksName),
        Detector = "landmarks",
        InferenceSteps = options.InferenceSteps,
        GuidanceScale = options.GuidanceScale,
        Seed = options.Seed,
        Attention = options.Attention,
        Device = options.Device,
        DType = options.DType,
    };

    private static async Task<HeadLandmarks[]> DrawInputAsync(
        SyntheticClip clip, DemoFolder folder, FfmpegTools tools, IProgress<DemoProgress>? progress, CancellationToken cancellationToken)
    {
        using PartialFile ownSpeech = new(folder.PathOf(InputName));
        WavWriter.Write(ownSpeech.Path, clip.Speech, SpeechRate);
        HeadLandmarks[] landmarks = new HeadLandmarks[clip.FrameCount];
        await using (VideoWriter writer = await VideoWriter.CreateAsync(
            new VideoWriterOptions
            {
                OutputPath = folder.PathOf(InputName),
                Width = clip.Options.Width,
                Height = clip.Options.Height,
                FrameRate = new Rational(FrameRate, 1),
                Color = VideoColor.Assumed(clip.Options.Height),
                AudioPath = ownSpeech.Path,
            },
            tools,
            cancellationToken).ConfigureAwait(false))
        {
            int index = 0;
            foreach (SyntheticFrame frame in clip.Frames())
            {
                using (frame)
                {
                    landmarks[index++] = frame.Landmarks;
                    await writer.WriteAsync(frame.Frame).ConfigureAwait(false);
                }
                progress?.Report(new DemoProgress(DemoStage.Draw, index, clip.FrameCount));
            }
            await writer.CompleteAsync().ConfigureAwait(false);
        }
        var faces = new Dictionary<long, IReadOnlyList<DetectedFace>>();
        for (int i = 0; i < landmarks.Length; i++)
        {
            faces[i] = [new DetectedFace(FaceProportions.BoxAround(landmarks[i].Alignment), 1, landmarks[i].Alignment, true)];
        }
        new LandmarksFile(faces, clip.Options.Width, clip.Options.Height).Save(folder.PathOf(LandmarksName));
        return landmarks;
    }

    /// <summary>Reads input and output once, measures the mouths, and collects the contact sheet.</summary>
    private static async Task<(OpeningCurves Curves, byte[] Sheet)> MeasureAsync(
        SyntheticClip speech, HeadLandmarks[] landmarks, DemoFolder folder, FfmpegTools tools, IProgress<DemoProgress>? progress, CancellationToken cancellationToken)
    {
        int step = (int)Math.Round(SheetSeconds * FrameRate);
        using ContactSheet sheet = new(Math.Min((speech.FrameCount + step - 1) / step, 40), 2, SheetSide);
        async Task<List<double>> Read(string name, int row)
        {
            List<double> openings = [];
            VideoReader reader = await VideoReader.OpenAsync(folder.PathOf(name), tools, cancellationToken).ConfigureAwait(false);
            await foreach (VideoFrame frame in reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                using (frame)
                {
                    int index = openings.Count;
                    if (index >= landmarks.Length)
                    {
                        break;
                    }
                    if (index % step == 0)
                    {
                        sheet.Put(frame, index / step, row);
                    }
                    openings.Add(MouthOpeningMeter.Measure(frame, landmarks[index].Mouth));
                }
                progress?.Report(new DemoProgress(DemoStage.Report, openings.Count + row * landmarks.Length, 2 * landmarks.Length));
            }
            return openings;
        }

        List<double> input = await Read(InputName, 0).ConfigureAwait(false);
        List<double> output = await Read(OutputName, 1).ConfigureAwait(false);
        return (new OpeningCurves(FrameRate, speech.ImpliedOpenings(), output, input), sheet.ToPng());
    }
}
