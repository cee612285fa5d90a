using System.Diagnostics;
using System.Globalization;
using LatentSync.Evaluation.Quality;
using LatentSync.Networks;

namespace LatentSync.Evaluation.Demo;

/// <summary>Lip-syncs new drawn clips through the whole pipeline and measures the decoded results.</summary>
/// <remarks>Training draws persons, voices and sentences by seeds below 2³¹. Each clip's own seed, and from it those of its person and its
/// sentences, are hashed into [2⁴⁰, 2⁶²): no clip can have been seen in training, whatever seed is asked for.</remarks>
public sealed class DemoEvaluation
{
    // The streams that DemoSeeds uses for one demo's own seeds come before.
    private const int ClipStream = 100;

    private readonly Func<SyncOptions, IProgress<SyncProgress>, CancellationToken, Task<SyncReport>> _sync;

    /// <summary>Makes an evaluation.</summary>
    /// <param name="sync">The lip-sync pipeline; one that keeps its networks between runs saves loading them for each clip.</param>
    public DemoEvaluation(Func<SyncOptions, IProgress<SyncProgress>, CancellationToken, Task<SyncReport>> sync)
    {
        ArgumentNullException.ThrowIfNull(sync);
        _sync = sync;
    }

    /// <summary>Seed of one of the clips.</summary>
    /// <param name="seed">The evaluation's.</param>
    /// <param name="index">Of the clip, from 0.</param>
    internal static long SeedOf(long seed, int index) => DemoSeeds.HeldOut(seed, ClipStream + index);

    /// <summary>Evaluates.</summary>
    /// <param name="options">What to do.</param>
    /// <param name="progress">Told of every written frame; null: not told.</param>
    /// <param name="cancellationToken">Stops it; temporary folders go.</param>
    /// <exception cref="SyncOptionsException">An option is out of its range.</exception>
    /// <exception cref="CheckpointFolderException">The checkpoint is missing.</exception>
    /// <exception cref="DemoFolderException">The folder to keep holds a file that an evaluation did not write.</exception>
    /// <exception cref="Media.MediaException">ffmpeg is missing or fails, or the disk is full.</exception>
    public async Task<DemoEvaluationResult> RunAsync(
        DemoEvaluationOptions options,
        IProgress<EvaluationProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        Stopwatch clock = Stopwatch.StartNew();
        string checkpoint = DemoCheckpoint.Resolve(options.CheckpointFolder);
        DemoRunner demo = new(_sync);
        List<EvaluatedClip> clips = [];
        for (int i = 0; i < options.ClipCount; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ClipProgress frames = new(progress, i, options.ClipCount);
            clips.Add(await RunClipAsync(demo, options, checkpoint, i, frames, cancellationToken).ConfigureAwait(false));
        }
        return new DemoEvaluationResult
        {
            Summary = QualitySummary.Of([.. clips.Select(c => c.Quality)]),
            Clips = clips,
            CheckpointFolder = checkpoint,
            Trained = !SeededCheckpoint.IsUntrained(checkpoint),
            TotalSeconds = clock.Elapsed.TotalSeconds,
        };
    }

    private static async Task<EvaluatedClip> RunClipAsync(
        DemoRunner demo,
        DemoEvaluationOptions options,
        string checkpoint,
        int index,
        IProgress<SyncProgress> syncProgress,
        CancellationToken cancellationToken
    )
    {
        string? temporary = options.KeepFolder is null ? Directory.CreateTempSubdirectory("latentsync-eval-").FullName : null;
        string folder = temporary ?? Path.Combine(options.KeepFolder!, string.Create(CultureInfo.InvariantCulture, $"clip-{index + 1:00}"));
        try
        {
            DemoResult result = await demo.RunAsync(
                    new DemoOptions
                    {
                        OutputFolder = folder,
                        Seed = SeedOf(options.Seed, index),
                        DurationSeconds = options.DurationSeconds,
                        Size = options.Size,
                        InferenceSteps = options.InferenceSteps,
                        GuidanceScale = options.GuidanceScale,
                        CheckpointFolder = checkpoint,
                        Attention = options.Attention,
                        Device = options.Device,
                        DType = options.DType,
                    },
                    syncProgress: syncProgress,
                    cancellationToken: cancellationToken
                )
                .ConfigureAwait(false);
            return new EvaluatedClip(
                SeedOf(options.Seed, index),
                result.Quality,
                result.Sync.TotalSeconds,
                temporary is null ? Path.GetFullPath(folder) : null
            );
        }
        finally
        {
            if (temporary is not null)
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    // Unlike Progress<T>, calls through at once and in order.
    private sealed class ClipProgress(IProgress<EvaluationProgress>? progress, int index, int clips) : IProgress<SyncProgress>
    {
        public void Report(SyncProgress value)
        {
            if (value is { Stage: SyncStage.Write, Total: { } frames })
            {
                progress?.Report(new EvaluationProgress(index + 1, index * frames + value.Done, clips * frames));
            }
        }
    }
}

/// <summary>How far an evaluation has come.</summary>
/// <param name="ClipNumber">The clip at work, from 1.</param>
/// <param name="FramesDone">Frames written, over all clips.</param>
/// <param name="FramesTotal">Frames in all.</param>
public readonly record struct EvaluationProgress(int ClipNumber, long FramesDone, long FramesTotal);
