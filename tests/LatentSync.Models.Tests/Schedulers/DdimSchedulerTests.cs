using System.Text.Json;
using LatentSync.Models.Loading;
using LatentSync.Models.Schedulers;
using LatentSync.Models.Tests.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Schedulers;

public sealed class DdimSchedulerTests
{
    [Theory]
    [InlineData(10)]
    [InlineData(20)]
    [InlineData(50)]
    public void Timesteps_ReleasedConfiguration_MatchTheOriginal(int steps)
    {
        using GoldenFixture golden = new("ddim");
        DdimScheduler scheduler = new(SchedulerConfiguration.FromJson(golden.Configuration));
        Assert.Equal(golden.ReadIntegers($"timesteps.{steps}"), scheduler.Timesteps(steps).Select(t => (long)t));
    }

    [Fact]
    public void FromJson_ReleasedFile_GivesThePreset()
    {
        using GoldenFixture golden = new("ddim");
        Assert.Equal(SchedulerConfiguration.LatentSync, SchedulerConfiguration.FromJson(golden.Configuration));
    }

    [Fact]
    public void AlphasCumulative_ReleasedConfiguration_MatchTheOriginal()
    {
        using GoldenFixture golden = new("ddim");
        NoiseSchedule schedule = new DdimScheduler().Schedule;
        TensorAssert.Close(tensor(schedule.AlphasCumulative.ToArray()), golden.Read("alphas_cumprod"), 1e-6, 1e-5);
        TensorAssert.Close(tensor(schedule.Betas.ToArray()), golden.Read("betas"), 1e-8, 1e-5);
        Assert.Equal(0.99915, schedule.FinalAlphaCumulative, 1e-12);
        Assert.Equal(0.27499907, schedule.AlphasCumulative[501], 1e-8);
        Assert.Equal(0.00466010, schedule.AlphasCumulative[999], 1e-8);
    }

    [Fact]
    public void Run_AnalyticModel_FollowsTheOriginalsTrace()
    {
        using GoldenFixture golden = new("ddim");
        using DisposeScope scope = NewDisposeScope();
        DdimScheduler scheduler = new();
        Tensor sample = golden.Read("trace.20.start");
        Tensor expected = golden.Read("trace.20.samples");
        using IDenoisingRun run = scheduler.Start(20);
        for (int i = 0; i < 20; i++)
        {
            int timestep = run.Timesteps[i];
            Tensor noise = sample * 0.1 + 0.01 * timestep / 1000;
            if (i is 0 or 19)
            {
                using DdimStep step = scheduler.Step(noise, timestep, sample, 20);
                TensorAssert.Close(step.PredictedOriginal, golden.Read("trace.20.pred_original_first_last")[i == 0 ? 0 : 1], 2e-4, 1e-4);
            }
            sample = run.Step(noise, sample);
            TensorAssert.Close(sample, expected[i].clone(), 2e-4, 1e-4);
        }
        Assert.Throws<InvalidOperationException>(() => run.Step(sample, sample));
    }

    [Fact]
    public void AddNoise_TimestepPerItem_MatchesTheOriginal()
    {
        using GoldenFixture golden = new("ddim");
        using DisposeScope scope = NewDisposeScope();
        Tensor noisy = new DdimScheduler().AddNoise(
            golden.Read("add_noise.x0"),
            golden.Read("add_noise.noise"),
            golden.Read("add_noise.timesteps")
        );
        TensorAssert.Close(noisy, golden.Read("add_noise.output"), 2e-4, 1e-4);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    [InlineData(1001)]
    public void Timesteps_ThatDoNotFit_AreRefused(int steps)
    {
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(() => new DdimScheduler().Start(steps));
        Assert.Contains($"{steps} inference steps are not possible", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Timesteps_OneBeyondTheTraining_AreListedAndOnlyRefusedWhereUsed()
    {
        DdimScheduler scheduler = new();
        IReadOnlyList<int> timesteps = scheduler.Timesteps(1000);
        Assert.Equal((1000, 999, 1), (timesteps[0], timesteps[1], timesteps[^1]));
        using Tensor sample = zeros(1, 4);
        ArgumentOutOfRangeException step = Assert.Throws<ArgumentOutOfRangeException>(() => scheduler.Step(sample, 1000, sample, 1000));
        Assert.Contains("Timestep 1000 does not exist: 0 to 999 do.", step.Message, StringComparison.Ordinal);
        ArgumentOutOfRangeException run = Assert.Throws<ArgumentOutOfRangeException>(() => scheduler.Start(1000));
        Assert.Contains("at most 999 are possible", run.Message, StringComparison.Ordinal);
        SchedulerConfiguration shifted = SchedulerConfiguration.LatentSync with { StepsOffset = 1000 };
        run = Assert.Throws<ArgumentOutOfRangeException>(() => new DdimScheduler(shifted).Start(20));
        Assert.Contains("no number of steps is possible", run.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Timesteps_MostThatFit_StartAtTheOffset()
    {
        IReadOnlyList<int> timesteps = new DdimScheduler().Timesteps(999);
        Assert.Equal((999, 1, 999), (timesteps[0], timesteps[^1], timesteps.Count));
    }

    [Theory]
    [InlineData("linspace", new[] { 999, 749, 500, 250, 0 })]
    [InlineData("trailing", new[] { 999, 799, 599, 399, 199 })]
    [InlineData("leading", new[] { 800, 600, 400, 200, 0 })]
    public void Timesteps_OtherSpacing_AreDiffusers(string spacing, int[] expected)
    {
        using JsonDocument json = JsonDocument.Parse($$"""{"timestep_spacing": "{{spacing}}"}""");
        Assert.Equal(expected, new DdimScheduler(SchedulerConfiguration.FromJson(json.RootElement)).Timesteps(5));
    }

    [Fact]
    public void Step_EachPredictionType_GivesTheSameForTheSameKnowledge()
    {
        // A model that knows x0 and the noise exactly says the same thing in three languages.
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(3);
        Tensor original = randn([1, 4, 2, 3, 3], ScalarType.Float64, generator: generator);
        Tensor noise = randn([1, 4, 2, 3, 3], ScalarType.Float64, generator: generator);
        NoiseSchedule schedule = new DdimScheduler().Schedule;
        double alpha = schedule.AlphasCumulative[601];
        Tensor sample = original * Math.Sqrt(alpha) + noise * Math.Sqrt(1 - alpha);
        double next = schedule.AlphasCumulative[551];
        Tensor expected = original * Math.Sqrt(next) + noise * Math.Sqrt(1 - next);
        foreach (PredictionType type in Enum.GetValues<PredictionType>())
        {
            DdimScheduler scheduler = new(SchedulerConfiguration.LatentSync with { PredictionType = type });
            Tensor output = type switch
            {
                PredictionType.Epsilon => noise,
                PredictionType.Sample => original,
                _ => noise * Math.Sqrt(alpha) - original * Math.Sqrt(1 - alpha),
            };
            using DdimStep step = scheduler.Step(output, 601, sample, 20);
            TensorAssert.Close(step.Previous, expected.clone(), 1e-12, 1e-12);
        }
    }

    [Fact]
    public void Step_Clamping_BoundsTheCleanSample()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = tensor(new[] { -3f, -0.2f, 0.1f, 5f }).view(1, 4);
        Tensor zero = zeros_like(sample);
        double scale = Math.Sqrt(new DdimScheduler().Schedule.AlphasCumulative[1]);
        using DdimStep clipped = new DdimScheduler(SchedulerConfiguration.LatentSync with { ClipSample = true, ClipSampleRange = 2 }).Step(
            zero,
            1,
            sample,
            20
        );
        TensorAssert.Close(
            clipped.PredictedOriginal,
            tensor(new[] { -2f, (float)(-0.2 / scale), (float)(0.1 / scale), 2f }).view(1, 4),
            1e-6,
            1e-6
        );
        using DdimStep dynamic = new DdimScheduler(
            SchedulerConfiguration.LatentSync with
            {
                Thresholding = true,
                DynamicThresholdingRatio = 1,
                SampleMaximumValue = 4,
            }
        ).Step(zero, 1, sample, 20);
        TensorAssert.Close(
            dynamic.PredictedOriginal,
            tensor(new[] { (float)(-3 / scale / 4), (float)(-0.2 / scale / 4), (float)(0.1 / scale / 4), 1f }).view(1, 4),
            1e-6,
            1e-6
        );
    }

    [Fact]
    public void Schedule_ZeroTerminalSnr_EndsInPureNoise()
    {
        NoiseSchedule plain = new(SchedulerConfiguration.LatentSync);
        NoiseSchedule rescaled = new(SchedulerConfiguration.LatentSync with { RescaleBetasZeroSnr = true });
        Assert.Equal(0, rescaled.AlphasCumulative[^1], 1e-12);
        Assert.Equal(plain.AlphasCumulative[0], rescaled.AlphasCumulative[0], 1e-12);
        NoiseSchedule cosine = new(new SchedulerConfiguration { BetaSchedule = BetaSchedule.SquaredCosine });
        Assert.Equal(0.4938436, cosine.AlphasCumulative[499], 1e-6); // cos² of the middle, arXiv:2102.09672 equation 17
        NoiseSchedule linear = new(new SchedulerConfiguration());
        Assert.Equal(4.0358e-5, linear.AlphasCumulative[999], 1e-8); // DDPM's well-known end
        Assert.Equal(1, linear.FinalAlphaCumulative);
    }

    [Theory]
    [InlineData("""{"beta_strat": 0.1}""", "the nearest known key is \"beta_start\"")]
    [InlineData("""{"beta_schedule": "cosine"}""", "squaredcos_cap_v2")]
    [InlineData("""{"_class_name": "PNDMScheduler"}""", "DDIMScheduler")]
    [InlineData("""{"trained_betas": [0.1, 0.2]}""", "trained_betas has 2 entries")]
    [InlineData("""{"num_train_timesteps": 1e9}""", "num_train_timesteps")]
    [InlineData("""{"beta_end": 1.5}""", "beta_end")]
    [InlineData("[]", "it must be an object")]
    public void FromJson_UnusableFile_SaysWhy(string text, string reason)
    {
        using JsonDocument json = JsonDocument.Parse(text);
        ModelConfigurationException error = Assert.Throws<ModelConfigurationException>(() =>
            SchedulerConfiguration.FromJson(json.RootElement)
        );
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }
}
