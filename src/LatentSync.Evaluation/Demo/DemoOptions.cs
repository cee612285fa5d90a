namespace LatentSync.Evaluation.Demo;

/// <summary>What `demo` is asked to do.</summary>
public sealed record DemoOptions
{
    /// <summary>Denoising steps that suit the embedded checkpoint.</summary>
    public const int DefaultInferenceSteps = 4;

    /// <summary>Classifier-free guidance that suits the embedded checkpoint.</summary>
    public const double DefaultGuidanceScale = 2;

    /// <summary>Duration of the new speech in seconds, unless another is asked for.</summary>
    public const double DefaultDurationSeconds = 3;

    /// <summary>Side of the video in pixels that suits the embedded checkpoint, whose faces have 128 x 128.</summary>
    public const int DefaultSize = 288;

    /// <summary>Seed of a demo unless another is asked for: of 25 seeds the one whose figures are nearest to their mean
    /// (docs/benchmarks/demo-training).</summary>
    public const long DefaultSeed = 10;

    /// <summary>Folder for the results; made if missing.</summary>
    public required string OutputFolder { get; init; }

    /// <summary>Seed of the person, the sentences, the weights (when untrained) and the noise; 0 or more. Default
    /// <see cref="DefaultSeed"/>. Whatever it is, the embedded checkpoint was not trained on that person or sentence.</summary>
    public long Seed { get; init; } = DefaultSeed;

    /// <summary>Duration of the new speech in seconds, 1..60; the video is 0.2 s longer. Default 3.</summary>
    public double DurationSeconds { get; init; } = DefaultDurationSeconds;

    /// <summary>Side of the square video in pixels, an even number from 128 to 2048. Default <see cref="DefaultSize"/>.</summary>
    public int Size { get; init; } = DefaultSize;

    /// <summary>Denoising steps, 1..999. Default <see cref="DefaultInferenceSteps"/>.</summary>
    public int InferenceSteps { get; init; } = DefaultInferenceSteps;

    /// <summary>Classifier-free guidance, 0..100; 1 or less switches it off. Default <see cref="DefaultGuidanceScale"/>.</summary>
    public double GuidanceScale { get; init; } = DefaultGuidanceScale;

    /// <summary>A checkpoint; null: the embedded one. Where a program was built without it, an untrained one is made in the output folder,
    /// and the report says so.</summary>
    public string? CheckpointFolder { get; init; }

    /// <summary>Attention policy, as for sync. Default "auto".</summary>
    public string Attention { get; init; } = "auto";

    /// <summary>Device, as for sync. Default "auto".</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Element type, as for sync. Default "auto".</summary>
    public string DType { get; init; } = "auto";

    /// <summary>Path of ffmpeg or its folder; null: found as usual.</summary>
    public string? FfmpegPath { get; init; }

    /// <summary>Throws when an option is out of its range.</summary>
    /// <exception cref="SyncOptionsException">Names the option, its value and its range.</exception>
    internal void Check()
    {
        foreach (
            (string name, string? path) in new[] { ("⟦OutputFolder⟧", OutputFolder), ("⟦CheckpointFolder⟧", CheckpointFolder ?? "none") }
        )
        {
            if (string.IsNullOrWhiteSpace(path))
            {
                throw new SyncOptionsException($"{name} must name a folder; it is empty.");
            }
        }
        if (!(DurationSeconds >= 1 && DurationSeconds <= 60))
        {
            throw new SyncOptionsException($"⟦DurationSeconds⟧ must lie between 1 and 60, not {DurationSeconds}.");
        }
        if (Size is < 128 or > 2048 || Size % 2 != 0)
        {
            throw new SyncOptionsException($"The demo's picture size must be an even number from 128 to 2048, not {Size}.");
        }
        RequireAsInSync(nameof(SyncOptions.InferenceSteps), InferenceSteps);
        RequireAsInSync(nameof(SyncOptions.GuidanceScale), GuidanceScale);
        if (Seed < 0)
        {
            throw new SyncOptionsException($"⟦Seed⟧ must be at least 0, not {Seed}.");
        }
    }

    private static void RequireAsInSync(string name, object value)
    {
        if (SyncOptions.Table[name].Objection(value) is { } objection)
        {
            throw new SyncOptionsException(objection, name);
        }
    }
}
