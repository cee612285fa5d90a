using System.Text.Json;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Loading;

namespace LatentSync.Models.Schedulers;

/// <summary>How the noise grows over the training steps.</summary>
public enum BetaSchedule
{
    /// <summary>β grows linearly.</summary>
    Linear,

    /// <summary>√β grows linearly: Stable Diffusion, LatentSync.</summary>
    ScaledLinear,

    /// <summary>The product of 1 - β follows a squared cosine (arXiv:2102.09672).</summary>
    SquaredCosine,
}

/// <summary>What the network predicts.</summary>
public enum PredictionType
{
    /// <summary>The noise ε.</summary>
    Epsilon,

    /// <summary>The clean sample x0.</summary>
    Sample,

    /// <summary>v = √ᾱ ε - √(1-ᾱ) x0 (arXiv:2202.00512).</summary>
    Velocity,
}

/// <summary>How inference steps are placed on the training steps.</summary>
public enum TimestepSpacing
{
    /// <summary>Multiples of ⌊T/n⌋ plus the offset: LatentSync.</summary>
    Leading,

    /// <summary>n values from 0 to T - 1, evenly.</summary>
    Linspace,

    /// <summary>From T - 1 downwards by T/n.</summary>
    Trailing,
}

/// <summary>A noise scheduler's settings: the keys of <c>scheduler_config.json</c>.</summary>
/// <remarks>Defaults are those of diffusers 0.32.2's DDIMScheduler; <see cref="LatentSync"/> has the released values.</remarks>
public sealed record SchedulerConfiguration
{
    private const string Scheduler = "the noise scheduler";
    private const int MaximumTrainingSteps = 100_000;

    private static readonly string[] MeaningfulKeys =
    [
        "num_train_timesteps",
        "beta_start",
        "beta_end",
        "beta_schedule",
        "trained_betas",
        "clip_sample",
        "clip_sample_range",
        "set_alpha_to_one",
        "steps_offset",
        "prediction_type",
        "thresholding",
        "dynamic_thresholding_ratio",
        "sample_max_value",
        "timestep_spacing",
        "rescale_betas_zero_snr",
    ];

    private static readonly string[] KeysWithoutInfluence = ["_class_name", "_diffusers_version", "skip_prk_steps"];

    /// <summary>T, steps of the training, 2..100000. Default 1000. Key <c>num_train_timesteps</c>.</summary>
    public int TrainingSteps { get; init; } = 1000;

    /// <summary>β of the first step, in (0, 1). Default 0.0001. Key <c>beta_start</c>.</summary>
    public double BetaStart { get; init; } = 0.0001;

    /// <summary>β of the last step, in (0, 1). Default 0.02. Key <c>beta_end</c>.</summary>
    public double BetaEnd { get; init; } = 0.02;

    /// <summary>Course of β between them. Default linear. Key <c>beta_schedule</c>: "linear", "scaled_linear" or
    /// "squaredcos_cap_v2".</summary>
    public BetaSchedule BetaSchedule { get; init; } = BetaSchedule.Linear;

    /// <summary>Every β by hand, instead of a course; null (the default) for none. Key <c>trained_betas</c>.</summary>
    public IReadOnlyList<double>? TrainedBetas { get; init; }

    /// <summary>Clamps the predicted clean sample. Default true. Key <c>clip_sample</c>.</summary>
    public bool ClipSample { get; init; } = true;

    /// <summary>To ± this. Default 1. Key <c>clip_sample_range</c>.</summary>
    public double ClipSampleRange { get; init; } = 1;

    /// <summary>The last step ends at ᾱ = 1 instead of the ᾱ of training step 0. Default true. Key <c>set_alpha_to_one</c>.</summary>
    public bool SetAlphaToOne { get; init; } = true;

    /// <summary>Added to every timestep of leading spacing. Default 0. Key <c>steps_offset</c>.</summary>
    public int StepsOffset { get; init; }

    /// <summary>What the network predicts. Default noise. Key <c>prediction_type</c>: "epsilon", "sample" or "v_prediction".</summary>
    public PredictionType PredictionType { get; init; } = PredictionType.Epsilon;

    /// <summary>Clamps the predicted clean sample to a quantile of itself (arXiv:2205.11487), instead of <see cref="ClipSample"/>. Default
    /// false. Key <c>thresholding</c>.</summary>
    public bool Thresholding { get; init; }

    /// <summary>That quantile, in (0, 1]. Default 0.995. Key <c>dynamic_thresholding_ratio</c>.</summary>
    public double DynamicThresholdingRatio { get; init; } = 0.995;

    /// <summary>Its upper bound, at least 1. Default 1. Key <c>sample_max_value</c>.</summary>
    public double SampleMaximumValue { get; init; } = 1;

    /// <summary>Placement of the inference steps. Default leading. Key <c>timestep_spacing</c>.</summary>
    public TimestepSpacing TimestepSpacing { get; init; } = TimestepSpacing.Leading;

    /// <summary>Rescales β so that the last training step is pure noise (arXiv:2305.08891). Default false. Key
    /// <c>rescale_betas_zero_snr</c>.</summary>
    public bool RescaleBetasZeroSnr { get; init; }

    /// <summary>The released values: configs/scheduler_config.json.</summary>
    public static SchedulerConfiguration LatentSync { get; } =
        new()
        {
            BetaStart = 0.00085,
            BetaEnd = 0.012,
            BetaSchedule = BetaSchedule.ScaledLinear,
            ClipSample = false,
            SetAlphaToOne = false,
            StepsOffset = 1,
        };

    /// <summary>Reads a parsed <c>scheduler_config.json</c>; absent keys take diffusers' defaults.</summary>
    /// <param name="json">The JSON object.</param>
    /// <exception cref="ModelConfigurationException">A key is unknown (the nearest known one is named), or a value cannot be
    /// used.</exception>
    public static SchedulerConfiguration FromJson(JsonElement json)
    {
        ConfigurationReader reader = new(json, Scheduler);
        KnownKeys.Check(json, Scheduler, MeaningfulKeys, KeysWithoutInfluence);
        if (reader.Text("_class_name", "DDIMScheduler") is var name and not "DDIMScheduler")
        {
            throw reader.Invalid("_class_name", $"\"{name}\"", "\"DDIMScheduler\"; give LatentSync's scheduler_config.json");
        }
        SchedulerConfiguration defaults = new();
        SchedulerConfiguration configuration = new()
        {
            TrainingSteps = reader.Integer("num_train_timesteps", defaults.TrainingSteps, 2, MaximumTrainingSteps),
            BetaStart = reader.Number("beta_start", defaults.BetaStart),
            BetaEnd = reader.Number("beta_end", defaults.BetaEnd),
            BetaSchedule = reader.Text("beta_schedule", "linear") switch
            {
                "linear" => BetaSchedule.Linear,
                "scaled_linear" => BetaSchedule.ScaledLinear,
                "squaredcos_cap_v2" => BetaSchedule.SquaredCosine,
                string other => throw reader.Invalid(
                    "beta_schedule",
                    $"\"{other}\"",
                    "\"linear\", \"scaled_linear\" or \"squaredcos_cap_v2\""
                ),
            },
            TrainedBetas = ReadBetas(json, reader),
            ClipSample = reader.Flag("clip_sample", defaults.ClipSample),
            ClipSampleRange = reader.Number("clip_sample_range", defaults.ClipSampleRange),
            SetAlphaToOne = reader.Flag("set_alpha_to_one", defaults.SetAlphaToOne),
            StepsOffset = reader.Integer("steps_offset", defaults.StepsOffset, -MaximumTrainingSteps, MaximumTrainingSteps),
            PredictionType =
                ParsePrediction(reader.Text("prediction_type", "epsilon"))
                ?? throw reader.Invalid(
                    "prediction_type",
                    $"\"{reader.Text("prediction_type", string.Empty)}\"",
                    "\"epsilon\", \"sample\" or \"v_prediction\""
                ),
            Thresholding = reader.Flag("thresholding", defaults.Thresholding),
            DynamicThresholdingRatio = reader.Number("dynamic_thresholding_ratio", defaults.DynamicThresholdingRatio),
            SampleMaximumValue = reader.Number("sample_max_value", defaults.SampleMaximumValue),
            TimestepSpacing = reader.Text("timestep_spacing", "leading") switch
            {
                "leading" => TimestepSpacing.Leading,
                "linspace" => TimestepSpacing.Linspace,
                "trailing" => TimestepSpacing.Trailing,
                string other => throw reader.Invalid("timestep_spacing", $"\"{other}\"", "\"leading\", \"linspace\" or \"trailing\""),
            },
            RescaleBetasZeroSnr = reader.Flag("rescale_betas_zero_snr", defaults.RescaleBetasZeroSnr),
        };
        configuration.Validate();
        return configuration;
    }

    /// <summary>What a configuration's text names; null for none of "epsilon", "sample", "v_prediction".</summary>
    internal static PredictionType? ParsePrediction(string text) =>
        text switch
        {
            "epsilon" => PredictionType.Epsilon,
            "sample" => PredictionType.Sample,
            "v_prediction" => PredictionType.Velocity,
            _ => null,
        };

    /// <summary>Checks ranges and what the entries require of each other.</summary>
    /// <exception cref="ModelConfigurationException">A value cannot be used; says which and why.</exception>
    public void Validate()
    {
        Require(
            TrainingSteps is >= 2 and <= MaximumTrainingSteps,
            $"num_train_timesteps is {TrainingSteps}, 2 to {MaximumTrainingSteps} is required"
        );
        Require(
            BetaStart is > 0 and < 1 && BetaEnd is > 0 and < 1,
            $"beta_start and beta_end are {BetaStart} and {BetaEnd}, numbers between 0 and 1 are required"
        );
        Require(
            TrainedBetas is null || TrainedBetas.Count == TrainingSteps,
            $"trained_betas has {TrainedBetas?.Count} entries, num_train_timesteps {TrainingSteps}; the same number is required"
        );
        Require(TrainedBetas is null || TrainedBetas.All(beta => beta is > 0 and < 1), $"trained_betas has an entry outside of 0 to 1");
        Require(
            double.IsFinite(ClipSampleRange) && ClipSampleRange > 0,
            $"clip_sample_range is {ClipSampleRange}, a positive number is required"
        );
        Require(
            DynamicThresholdingRatio is > 0 and <= 1,
            $"dynamic_thresholding_ratio is {DynamicThresholdingRatio}, more than 0 and at most 1 is required"
        );
        Require(
            double.IsFinite(SampleMaximumValue) && SampleMaximumValue >= 1,
            $"sample_max_value is {SampleMaximumValue}, at least 1 is required"
        );
    }

    private static double[]? ReadBetas(JsonElement json, ConfigurationReader reader)
    {
        const string Key = "trained_betas";
        if (!json.TryGetProperty(Key, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        bool usable =
            value.ValueKind == JsonValueKind.Array
            && value.GetArrayLength() <= MaximumTrainingSteps
            && value.EnumerateArray().All(b => b.ValueKind == JsonValueKind.Number);
        return usable
            ? [.. value.EnumerateArray().Select(b => b.GetDouble())]
            : throw reader.Invalid(Key, value.GetRawText(), "null or a list of numbers");
    }

    private static void Require(bool condition, Sentence problem)
    {
        if (!condition)
        {
            throw new ModelConfigurationException($"The configuration of {(Sentence)Scheduler} cannot be used: {problem}.");
        }
    }
}
