using LatentSync.Compute;
using LatentSync.Foundation.Options;

namespace LatentSync.Evaluation.Demo;

/// <summary>What <see cref="DemoEvaluation"/> is asked to do.</summary>
public sealed record DemoEvaluationOptions
{
    /// <summary>Clips of an evaluation: enough that two unrelated sentences correlate by less than 0.2 by chance nearly always.</summary>
    public const int DefaultClipCount = 12;

    /// <summary>What each option is: range, default, unit and words.</summary>
    public static OptionTable<DemoEvaluationOptions> Table { get; } =
        new(
            () => new DemoEvaluationOptions(),
            new Dictionary<string, IReadOnlyList<Choice>> { [nameof(Device)] = Devices.All, [nameof(DType)] = DTypes.All }
        );

    /// <summary>Chooses the clips and the noise; 0 or more. Default 1.</summary>
    [Option("picks the clips; whatever it is, no checkpoint of ours was trained on them", OptionEffect.Pixels, Least = 0)]
    public long Seed { get; init; } = 1;

    /// <summary>Number of new clips, 1..1000. Default <see cref="DefaultClipCount"/>.</summary>
    [Option("number of new clips", OptionEffect.Inputs, Least = 1, Most = 1000)]
    public int ClipCount { get; init; } = DefaultClipCount;

    /// <summary>Duration of each clip's new speech in seconds, 1..60. Default 3.</summary>
    [Option(
        "length of each new speech, in seconds",
        OptionEffect.Inputs,
        Least = DemoOptions.LeastSeconds,
        Most = DemoOptions.MostSeconds,
        Unit = "seconds"
    )]
    public double DurationSeconds { get; init; } = DemoOptions.DefaultDurationSeconds;

    /// <summary>Denoising steps, 1..999. Default <see cref="DemoOptions.DefaultInferenceSteps"/>.</summary>
    [Option("denoising steps", OptionEffect.Pixels, Least = 1, Most = SyncOptions.MaximumInferenceSteps)]
    public int InferenceSteps { get; init; } = DemoOptions.DefaultInferenceSteps;

    /// <summary>Classifier-free guidance, 0..100. Default <see cref="DemoOptions.DefaultGuidanceScale"/>.</summary>
    [Option("classifier-free guidance; 1 turns it off", OptionEffect.Pixels, Least = 0, Most = SyncOptions.MaximumGuidanceScale)]
    public double GuidanceScale { get; init; } = DemoOptions.DefaultGuidanceScale;

    /// <summary>Checkpoint folder, or "demo" for the embedded one. Default "demo".</summary>
    [Option("checkpoint to measure; \"demo\": the embedded one", OptionEffect.Settled, Text = OptionText.InputFolder)]
    public string CheckpointFolder { get; init; } = DemoCheckpoint.Name;

    /// <summary>Folder that keeps every clip's videos and report in clip-01, clip-02, ...; null: they go when they have been
    /// measured.</summary>
    [Option("keep each clip's videos and report in this folder", OptionEffect.None, Text = OptionText.OutputFolder)]
    public string? KeepFolder { get; init; }

    /// <summary>Side of the square videos in pixels, an even number from 128 to 2048. Default
    /// <see cref="DemoOptions.DefaultSize"/>.</summary>
    [Option(
        "side of the square videos in pixels",
        OptionEffect.Inputs,
        Least = DemoOptions.LeastSize,
        Most = DemoOptions.MostSize,
        MultipleOf = 2,
        Unit = "pixels"
    )]
    public int Size { get; init; } = DemoOptions.DefaultSize;

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
