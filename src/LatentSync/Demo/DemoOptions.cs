using LatentSync.Pipelines;

namespace LatentSync.Demo;

/// <summary>What `demo` is asked to do.</summary>
public sealed record DemoOptions
{
    /// <summary>Folder for the results; made if missing.</summary>
    public required string OutputFolder { get; init; }

    /// <summary>Seed of the person, the sentences, the weights (when untrained) and the noise. Default 1247.</summary>
    public long Seed { get; init; } = 1247;

    /// <summary>Duration of the new speech in seconds, 1..60; the video is 0.2 s longer. Default 3.</summary>
    public double DurationSeconds { get; init; } = 3;

    /// <summary>Side of the square video in pixels, an even number from 128 to 2048. Default 512.</summary>
    public int Size { get; init; } = 512;

    /// <summary>Denoising steps, 1..999. Default 4.</summary>
    public int InferenceSteps { get; init; } = 4;

    /// <summary>Classifier-free guidance. Default 1.5.</summary>
    public double GuidanceScale { get; init; } = 1.5;

    /// <summary>A trained checkpoint; null: an untrained one is made in the output folder, and the report says so.</summary>
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
    /// <exception cref="ArgumentOutOfRangeException">Names the option, its value and its range.</exception>
    internal void Check()
    {
        ArgumentException.ThrowIfNullOrEmpty(OutputFolder);
        if (!(DurationSeconds >= 1 && DurationSeconds <= 60))
        {
            throw new SyncOptionsException(FormattableString.Invariant($"--seconds must lie between 1 and 60, not {DurationSeconds}."));
        }
        if (Size is < 128 or > 2048 || Size % 2 != 0)
        {
            throw new SyncOptionsException($"The demo's picture has an even side from 128 to 2048 pixels, not {Size}.");
        }
        if (InferenceSteps is < 1 or > 999)
        {
            throw new SyncOptionsException($"--steps must lie between 1 and 999, not {InferenceSteps}.");
        }
    }
}
