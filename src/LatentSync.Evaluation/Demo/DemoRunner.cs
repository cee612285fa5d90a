using System.Diagnostics;
using LatentSync.Foundation.Files;
using LatentSync.Media.Synthesis.Heads;
using LatentSync.Media.Video.Tools;
using LatentSync.Networks;

namespace LatentSync.Evaluation.Demo;

/// <summary>The demo: draws a person who speaks, synthesises other speech, lip-syncs the one to the other, and shows what came
/// out.</summary>
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
    private const string ReferenceName = "reference.mp4";
    private const string SheetName = "contact-sheet.png";
    private const string ReportName = "report.html";
    private const string CheckpointName = "checkpoint";

    private readonly string? _embedded;
    private readonly Func<SyncOptions, IProgress<SyncProgress>, CancellationToken, Task<SyncReport>> _sync;

    /// <summary>Makes a demo.</summary>
    /// <param name="sync">The lip-sync pipeline.</param>
    public DemoRunner(Func<SyncOptions, IProgress<SyncProgress>, CancellationToken, Task<SyncReport>> sync)
        : this(sync, DemoCheckpoint.Find()) { }

    /// <summary>Makes a demo with another embedded checkpoint, or none.</summary>
    internal DemoRunner(Func<SyncOptions, IProgress<SyncProgress>, CancellationToken, Task<SyncReport>> sync, string? embedded)
    {
        ArgumentNullException.ThrowIfNull(sync);
        (_sync, _embedded) = (sync, embedded);
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
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        Stopwatch clock = Stopwatch.StartNew();
        FfmpegTools tools = await FfmpegTools.LocateAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        string? trained = options.CheckpointFolder ?? _embedded;
        FileOverlap.Refuse(
            [new NamedPath("⟦CheckpointFolder⟧", trained)],
            ResultNames.Select(name => new NamedPath("⟦OutputFolder⟧", Path.Combine(options.OutputFolder, name)))
        );
        DemoFolder folder = DemoFolder.Claim(
            options.OutputFolder,
            trained is not null ? ResultNames : [.. ResultNames, .. SeededCheckpoint.Files.Select(f => $"{CheckpointName}/{f}")]
        );

        DemoScene scene = new(options);
        IReadOnlyList<HeadLandmarks> landmarks = await DrawAsync(scene, folder, tools, progress, cancellationToken).ConfigureAwait(false);
        string checkpoint = trained ?? MakeCheckpoint(folder, options.Seed, progress, cancellationToken);
        DemoWeights weights =
            SeededCheckpoint.IsUntrained(checkpoint) ? DemoWeights.Untrained
            : options.CheckpointFolder is null ? DemoWeights.Embedded
            : DemoWeights.Given;

        SyncReport sync = await _sync(
                SyncOptionsFor(options, folder, checkpoint),
                syncProgress ?? new Progress<SyncProgress>(),
                cancellationToken
            )
            .ConfigureAwait(false);
        DemoMeasurement measurement = await DemoMeasurement
            .MeasureAsync(
                scene,
                landmarks,
                sync.FaceResolution,
                [.. ((string[])[InputName, OutputName, ReferenceName]).Select(folder.PathOf)],
                tools,
                frames => progress?.Report(new DemoProgress(DemoStage.Report, frames, scene.SpeechFrames)),
                cancellationToken
            )
            .ConfigureAwait(false);
        PartialFile.Write(folder.PathOf(SheetName), measurement.ContactSheetPng);
        DemoReport.Write(
            folder.PathOf(ReportName),
            new DemoReportData
            {
                InputPath = folder.PathOf(InputName),
                OutputPath = folder.PathOf(OutputName),
                ContactSheetPng = measurement.ContactSheetPng,
                Curves = measurement.Curves,
                Quality = measurement.Quality,
                Sync = sync,
                Weights = weights,
                InferenceSteps = options.InferenceSteps,
                GuidanceScale = options.GuidanceScale,
                Versions = DemoVersions.Describe(tools),
            }
        );
        folder.Complete();
        return new DemoResult
        {
            InputPath = folder.PathOf(InputName),
            SpeechPath = folder.PathOf(SpeechName),
            OutputPath = folder.PathOf(OutputName),
            ReferencePath = folder.PathOf(ReferenceName),
            ReportPath = folder.PathOf(ReportName),
            ContactSheetPath = folder.PathOf(SheetName),
            CheckpointFolder = checkpoint,
            Trained = weights != DemoWeights.Untrained,
            Sync = sync,
            Curves = measurement.Curves,
            Quality = measurement.Quality,
            TotalSeconds = clock.Elapsed.TotalSeconds,
        };
    }

    private static string[] ResultNames => [InputName, SpeechName, LandmarksName, OutputName, ReferenceName, SheetName, ReportName];

    private static async Task<IReadOnlyList<HeadLandmarks>> DrawAsync(
        DemoScene scene,
        DemoFolder folder,
        FfmpegTools tools,
        IProgress<DemoProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        int total = scene.InputFrames + scene.SpeechFrames;
        IReadOnlyList<HeadLandmarks> landmarks = await scene
            .DrawInputAsync(
                folder.PathOf(InputName),
                folder.PathOf(LandmarksName),
                tools,
                frames => progress?.Report(new DemoProgress(DemoStage.Draw, frames, total)),
                cancellationToken
            )
            .ConfigureAwait(false);
        scene.WriteSpeech(folder.PathOf(SpeechName));
        await scene
            .DrawReferenceAsync(
                folder.PathOf(ReferenceName),
                folder.PathOf(SpeechName),
                tools,
                frames => progress?.Report(new DemoProgress(DemoStage.Draw, scene.InputFrames + frames, total)),
                cancellationToken
            )
            .ConfigureAwait(false);
        return landmarks;
    }

    private static string MakeCheckpoint(
        DemoFolder folder,
        long seed,
        IProgress<DemoProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        string checkpoint = folder.PathOf(CheckpointName);
        progress?.Report(new DemoProgress(DemoStage.Checkpoint, 0, 1));
        SeededCheckpoint.Write(checkpoint, seed, SeededCheckpointSize.Demo, cancellationToken);
        progress?.Report(new DemoProgress(DemoStage.Checkpoint, 1, 1));
        return checkpoint;
    }

    private static SyncOptions SyncOptionsFor(DemoOptions options, DemoFolder folder, string checkpoint) =>
        new()
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
}
