using LatentSync.Models.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Schedulers;

/// <summary>
/// Against an exact solution: if clean samples are normal with mean m and deviation s, the best noise prediction is known, and the path
/// from x_T is x_t = √ᾱ m + (x_T - √ᾱ_T m) · √((ᾱ s² + 1 - ᾱ) / (ᾱ_T s² + 1 - ᾱ_T)).
/// </summary>
public sealed class DpmSolverPlusPlusSchedulerTests
{
    private const double Mean = 0.7;

    [Fact]
    public void Run_HalvingTheStep_QuartersTheError()
    {
        DpmSolverPlusPlusScheduler second = new();
        double[] errors = [.. new[] { 20, 40, 80 }.Select(n => Error(second, n, deviation: 1))];
        Assert.All(errors.Zip(errors.Skip(1), (coarse, fine) => Math.Log2(coarse / fine)), order => Assert.InRange(order, 1.75, 2.25));
        DdimScheduler first = new();
        Assert.InRange(Math.Log2(Error(first, 20, deviation: 1) / Error(first, 40, deviation: 1)), 0.75, 1.25);
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.2)]
    [InlineData(0.4)]
    [InlineData(1)]
    public void Run_TenSteps_IsBetterThanTwentyOfDdim(double deviation)
    {
        double second = Error(new DpmSolverPlusPlusScheduler(), 10, deviation);
        double first = Error(new DdimScheduler(), 20, deviation);
        Assert.True(second < first / 2, $"DPM-Solver++ 10 steps {second}, DDIM 20 steps {first}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(40)]
    [InlineData(999)]
    public void Timesteps_AnyCount_AreDistinctAndDescending(int steps)
    {
        IReadOnlyList<int> timesteps = new DpmSolverPlusPlusScheduler().Timesteps(steps);
        Assert.Equal((steps, 999), (timesteps.Count, timesteps[0]));
        Assert.All(timesteps.Zip(timesteps.Skip(1)), pair => Assert.True(pair.First > pair.Second));
        Assert.True(timesteps[^1] >= 1);
    }

    [Fact]
    public void Start_Again_ForgetsTheChunkBefore()
    {
        DpmSolverPlusPlusScheduler scheduler = new();
        using DisposeScope scope = NewDisposeScope();
        Tensor first = Solve(scheduler, 12, tensor(new[] { 1.0 }));
        Solve(scheduler, 12, tensor(new[] { -100.0 }));
        Tensor again = Solve(scheduler, 12, tensor(new[] { 1.0 }));
        Assert.Equal(first[0].item<double>(), again[0].item<double>());
    }

    [Fact]
    public void Run_EndAtAlphaOne_IsTheLastCleanSample()
    {
        DpmSolverPlusPlusScheduler scheduler = new(SchedulerConfiguration.LatentSync with { SetAlphaToOne = true });
        using DisposeScope scope = NewDisposeScope();
        using IDenoisingRun run = scheduler.Start(4);
        Tensor sample = tensor(new[] { 0.3 });
        for (int i = 0; i < 4; i++)
        {
            sample = run.Step(zeros_like(sample), sample);
        }
        // Without noise the clean sample is x/√ᾱ at every step.
        Assert.Equal(0.3 / Math.Sqrt(scheduler.Schedule.AlphasCumulative[999]), sample[0].item<double>(), 1e-9);
        Assert.Throws<InvalidOperationException>(() => run.Step(sample, sample));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1000)]
    public void Timesteps_ThatDoNotFit_AreRefused(int steps) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new DpmSolverPlusPlusScheduler().Start(steps));

    private static double Error(INoiseScheduler scheduler, int steps, double deviation)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor start = linspace(-2, 2, 9, ScalarType.Float64);
        double alphaStart = scheduler.Schedule.AlphasCumulative[scheduler.Timesteps(steps)[0]];
        double alphaEnd = scheduler.Schedule.FinalAlphaCumulative;
        Tensor exact =
            Math.Sqrt(alphaEnd) * Mean
            + (start - Math.Sqrt(alphaStart) * Mean) * Math.Sqrt(Variance(alphaEnd, deviation) / Variance(alphaStart, deviation));
        return (Solve(scheduler, steps, start, deviation) - exact).abs().max().item<double>();
    }

    private static Tensor Solve(INoiseScheduler scheduler, int steps, Tensor sample, double deviation = 0.4)
    {
        using IDenoisingRun run = scheduler.Start(steps);
        foreach (int timestep in run.Timesteps)
        {
            double alpha = scheduler.Schedule.AlphasCumulative[timestep];
            Tensor noise = (sample - Math.Sqrt(alpha) * Mean) * (Math.Sqrt(1 - alpha) / Variance(alpha, deviation));
            sample = run.Step(noise, sample);
        }
        return sample;
    }

    private static double Variance(double alpha, double deviation) => alpha * deviation * deviation + 1 - alpha;
}
