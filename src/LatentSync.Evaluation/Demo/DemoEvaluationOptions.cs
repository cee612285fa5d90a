namespace LatentSync.Evaluation.Demo;

/// <summary>What <see cref="DemoEvaluation"/> is asked to do.</summary>
public sealed record DemoEvaluationOptions
{
    /// <summary>Clips of an evaluation: enough that two unrelated sentences correlate by less than 0.2 by chance nearly always.</summary>
    public const int DefaultClipCount = 12;

    /// <summary>Chooses the clips and the noise; 0 or more. Default 1.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Number of new clips, 1..1000. Default <see cref="DefaultClipCount"/>.</summary>
    public int ClipCount { get; init; } = DefaultClipCount;

    /// <summary>Duration of each clip's new speech in seconds, 1..60. Default 3.</summary>
    public double Seconds { get; init; } = DemoOptions.DefaultDurationSeconds;

    /// <summary>Denoising steps, 1..999. Default <see cref="DemoOptions.DefaultInferenceSteps"/>.</summary>
    public int InferenceSteps { get; init; } = DemoOptions.DefaultInferenceSteps;

    /// <summary>Classifier-free guidance, 0..100. Default <see cref="DemoOptions.DefaultGuidanceScale"/>.</summary>
    public double GuidanceScale { get; init; } = DemoOptions.DefaultGuidanceScale;

    /// <summary>Checkpoint folder, or "demo" for the embedded one. Default "demo".</summary>
    public string CheckpointFolder { get; init; } = DemoCheckpoint.Name;

    /// <summary>Folder that keeps every clip's videos and report in clip-01, clip-02, ...; null: they go when they have been
    /// measured.</summary>
    public string? KeepFolder { get; init; }

    /// <summary>Side of the square videos in pixels, an even number from 128 to 2048. Default
    /// <see cref="DemoOptions.DefaultSize"/>.</summary>
    public int Size { get; init; } = DemoOptions.DefaultSize;

    /// <summary>Attention policy, as for sync. Default "auto".</summary>
    public string Attention { get; init; } = "auto";

    /// <summary>Device, as for sync. Default "auto".</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Element type, as for sync. Default "auto".</summary>
    public string DType { get; init; } = "auto";

    /// <summary>Throws when an option that the single clips do not check is out of its range.</summary>
    /// <exception cref="SyncOptionsException">Names the option, its value and its range.</exception>
    internal void Check()
    {
        if (ClipCount is < 1 or > 1000)
        {
            throw new SyncOptionsException($"⟦ClipCount⟧ must lie between 1 and 1000, not {ClipCount}.");
        }
        if (Seed < 0)
        {
            throw new SyncOptionsException($"⟦Seed⟧ must be at least 0, not {Seed}.");
        }
    }
}
