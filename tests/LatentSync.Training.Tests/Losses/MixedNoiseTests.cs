using LatentSync.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Losses;

public sealed class MixedNoiseTests
{
    private static readonly long[] Shape = [4, 4, 8, 48, 48]; // 294 912 numbers, 36 864 per frame

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.5)]
    [InlineData(1.0)]
    [InlineData(3.0)]
    public void Draw_Alpha_GivesUnitVarianceAndItsCorrelationBetweenFrames(double alpha)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor noise = Draw(5, Shape, alpha);
        Assert.Equal(Shape, noise.shape);
        // Standard errors: of the mean 1/√36864 = 0.005 where frames are equal, of variance and covariance about 0.007.
        Assert.Equal(0, noise.mean().item<float>(), 0.03);
        Assert.Equal(1, (noise * noise).mean().item<float>(), 0.04);
        double shared = alpha * alpha / (1 + alpha * alpha);
        foreach ((int first, int second) in new[] { (0, 1), (2, 7), (6, 3) })
        {
            Assert.Equal(shared, (noise.select(2, first) * noise.select(2, second)).mean().item<float>(), 0.04);
        }
        Assert.Equal(0, (noise.select(0, 0) * noise.select(0, 1)).mean().item<float>(), 0.06); // items have nothing in common
    }

    [Fact]
    public void Draw_NoAlpha_RepeatsOneFrame()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor noise = Draw(5, Shape, null);
        Assert.True(noise.equal(noise.narrow(2, 0, 1).expand(Shape)).all().item<bool>());
        Assert.Equal(1, (noise * noise).mean().item<float>(), 0.04);
        Assert.False(noise[0].equal(noise[1]).all().item<bool>());
    }

    [Fact]
    public void Draw_SameGenerator_GivesTheSameNoiseAndThenAnother()
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(7);
        Tensor first = MixedNoise.Draw([1, 4, 3, 8, 8], 1, generator, ScalarType.Float32, CPU);
        Tensor second = MixedNoise.Draw([1, 4, 3, 8, 8], 1, generator, ScalarType.Float32, CPU);
        Assert.True(first.equal(Draw(7, [1, 4, 3, 8, 8], 1)).all().item<bool>());
        Assert.False(first.equal(second).all().item<bool>());
    }

    [Fact]
    public void Draw_HalfPrecision_IsTheRoundedFloat32Noise()
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(7);
        Tensor half = MixedNoise.Draw([1, 4, 3, 8, 8], 1, generator, ScalarType.BFloat16, CPU);
        Assert.True(half.equal(Draw(7, [1, 4, 3, 8, 8], 1).to(ScalarType.BFloat16)).all().item<bool>());
    }

    [Theory]
    [InlineData(-1.0)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Draw_ImpossibleAlpha_IsRefused(double alpha) => Assert.Throws<ArgumentException>(() => Draw(1, [1, 4, 3, 8, 8], alpha));

    [Fact]
    public void Draw_OtherAxes_AreRefused() => Assert.Throws<ArgumentException>(() => Draw(1, [4, 3, 8, 8], 1));

    private static Tensor Draw(ulong seed, long[] shape, double? alpha)
    {
        using Generator generator = new(seed);
        return MixedNoise.Draw(shape, alpha, generator, ScalarType.Float32, CPU);
    }
}
