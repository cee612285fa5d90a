using LatentSync.Models.Schedulers;
using LatentSync.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Losses;

public sealed class DiffusionLossTests
{
    private static readonly NoiseSchedule Schedule = new(new SchedulerConfiguration());

    [Fact]
    public void EstimateClean_TrueNoise_GivesTheCleanLatentsBack()
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(1);
        Tensor clean = randn([3, 4, 2, 5, 5], ScalarType.Float64, generator: generator);
        Tensor noise = randn([3, 4, 2, 5, 5], ScalarType.Float64, generator: generator);
        Tensor timesteps = tensor(new long[] { 0, 500, 999 });
        Tensor noisy = Schedule.AddNoise(clean, noise, timesteps);
        Tensor estimated = DiffusionLoss.EstimateClean(Schedule, noisy, noise, timesteps);
        Assert.True((estimated - clean).abs().max().item<double>() < 1e-10);
    }

    [Fact]
    public void EstimateClean_EachItem_HasItsOwnTimestep()
    {
        using DisposeScope scope = NewDisposeScope();
        long[] steps = [10, 700];
        Tensor estimated = DiffusionLoss.EstimateClean(
            Schedule,
            full([2, 1], 2.0, ScalarType.Float64),
            full([2, 1], 0.5, ScalarType.Float64),
            tensor(steps)
        );
        for (int i = 0; i < 2; i++)
        {
            double alpha = Schedule.AlphasCumulative[(int)steps[i]];
            Assert.Equal((2 - Math.Sqrt(1 - alpha) * 0.5) / Math.Sqrt(alpha), estimated[i, 0].item<double>(), 12);
        }
    }

    [Fact]
    public void EstimateClean_HalfPrecision_IsComputedInFloat32AndKeepsTheGradient()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor noise = ones([1, 4], ScalarType.BFloat16).requires_grad_();
        Tensor estimated = DiffusionLoss.EstimateClean(Schedule, ones([1, 4], ScalarType.BFloat16), noise, tensor(new long[] { 300 }));
        Assert.Equal(ScalarType.Float32, estimated.dtype);
        estimated.sum().backward();
        double alpha = Schedule.AlphasCumulative[300];
        Assert.Equal(-Math.Sqrt((1 - alpha) / alpha), noise.grad![0, 0].to(ScalarType.Float32).item<float>(), 1e-2);
    }

    [Theory]
    [InlineData(2, 5L)]
    [InlineData(1, -1L)]
    [InlineData(1, 1000L)]
    public void EstimateClean_TimestepsThatDoNotFit_AreRefused(int items, long timestep)
    {
        using Tensor latents = zeros(items, 4);
        using Tensor timesteps = tensor(new[] { timestep });
        Assert.Throws<ArgumentException>(() => DiffusionLoss.EstimateClean(Schedule, latents, latents, timesteps));
    }

    [Fact]
    public void Reconstruction_HalfPrecision_IsTheMeanSquareInFloat32()
    {
        using DisposeScope scope = NewDisposeScope();
        // 300 squared is more than float16 holds.
        Tensor predicted = tensor(new[] { 300f, 1f, -2f, 0f }).to(ScalarType.Float16);
        Tensor noise = tensor(new[] { 0f, 0f, 1f, 0f }).to(ScalarType.Float16);
        Tensor loss = DiffusionLoss.Reconstruction(predicted, noise);
        Assert.Equal(ScalarType.Float32, loss.dtype);
        Assert.Equal((90000.0 + 1 + 9) / 4, loss.item<float>(), 1e-2);
        Assert.Throws<ArgumentException>(() => DiffusionLoss.Reconstruction(predicted, noise.narrow(0, 0, 2)));
    }
}
