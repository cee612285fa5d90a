using LatentSync.Compute;
using LatentSync.Foundation.Options;

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

    internal const double LeastSeconds = 1;
    internal const double MostSeconds = 60;
    internal const int LeastSize = 128;
    internal const int MostSize = 2048;

    /// <summary>What each option is: range, default, unit and words.</summary>
    public static OptionTable<DemoOptions> Table { get; } =
        new(
            () => new DemoOptions { OutputFolder = string.Empty },
            new Dictionary<string, IReadOnlyList<Choice>> { [nameof(Device)] = Devices.All, [nameof(DType)] = DTypes.All }
        );

    /// <summary>Folder for the results; made if missing.</summary>
    [Option("folder for the results; created if missing", OptionEffect.None, Text = OptionText.OutputFolder)]
    public required string OutputFolder { get; init; }

    /// <summary>A checkpoint; null: the embedded one. Where a program was built without it, an untrained one is made in the output folder,
    /// and the report says so.</summary>
    [Option("checkpoint to use in place of the embedded one", OptionEffect.Settled, Text = OptionText.InputFolder)]
    public string? CheckpointFolder { get; init; }

    /// <summary>Seed of the person, the sentences, the weights (when untrained) and the noise; 0 or more. Default
    /// <see cref="DefaultSeed"/>. Whatever it is, the embedded checkpoint was not trained on that person or sentence.</summary>
    [Option("picks the person, the sentence and the noise", OptionEffect.Pixels, Least = 0)]
    public long Seed { get; init; } = DefaultSeed;

    /// <summary>Duration of the new speech in seconds, 1..60; the video is 0.2 s longer. Default 3.</summary>
    [Option("length of the new speech, in seconds", OptionEffect.Inputs, Least = LeastSeconds, Most = MostSeconds, Unit = "seconds")]
    public double DurationSeconds { get; init; } = DefaultDurationSeconds;

    /// <summary>Side of the square video in pixels, an even number from 128 to 2048. Default <see cref="DefaultSize"/>.</summary>
    [Option("side of the square video in pixels", OptionEffect.Inputs, Least = LeastSize, Most = MostSize, MultipleOf = 2, Unit = "pixels")]
    public int Size { get; init; } = DefaultSize;

    /// <summary>Denoising steps, 1..999. Default <see cref="DefaultInferenceSteps"/>.</summary>
    [Option("denoising steps", OptionEffect.Pixels, Least = 1, Most = SyncOptions.MaximumInferenceSteps)]
    public int InferenceSteps { get; init; } = DefaultInferenceSteps;

    /// <summary>Classifier-free guidance, 0..100; 1 or less switches it off. Default <see cref="DefaultGuidanceScale"/>.</summary>
    [Option("classifier-free guidance; 1 turns it off", OptionEffect.Pixels, Least = 0, Most = SyncOptions.MaximumGuidanceScale)]
    public double GuidanceScale { get; init; } = DefaultGuidanceScale;

    /// <summary>Attention policy, as for sync. Default "auto".</summary>
    [Option("attention policy, as in sync", OptionEffect.None)]
    public string Attention { get; init; } = "auto";

    /// <summary>Device, as for sync. Default "auto".</summary>
    [Option(Devices.Help, OptionEffect.Settled)]
    public string Device { get; init; } = "auto";

    /// <summary>Element type, as for sync. Default "auto".</summary>
    [Option(DTypes.Help, OptionEffect.Settled)]
    public string DType { get; init; } = "auto";

    /// <summary>Throws when an option is out of its range.</summary>
    /// <exception cref="SyncOptionsException">Names the option, its value and its range.</exception>
    internal void Check() => SyncOptionsException.ThrowIfWrong(Table, this);
}
