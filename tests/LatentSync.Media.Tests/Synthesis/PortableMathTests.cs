using LatentSync.Media.Synthesis.Numbers;

namespace LatentSync.Media.Tests.Synthesis;

public sealed class PortableMathTests
{
    [Theory]
    [InlineData(-30)]
    [InlineData(-1)]
    [InlineData(-1e-9)]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(1)]
    [InlineData(25.7)]
    public void Exp_EqualsTheSystems(double x) => Assert.Equal(1, PortableMath.Exp(x) / Math.Exp(x), 1e-13);

    [Theory]
    [InlineData(-1000.5)]
    [InlineData(-2)]
    [InlineData(0)]
    [InlineData(1.5707963)]
    [InlineData(3.1)]
    [InlineData(4)]
    [InlineData(12345.678)]
    public void SinAndCos_EqualTheSystems(double x)
    {
        Assert.Equal(Math.Sin(x), PortableMath.Sin(x), 1e-11);
        Assert.Equal(Math.Cos(x), PortableMath.Cos(x), 1e-11);
    }

    [Fact]
    public void Exp_BeyondItsRange_IsZeroOrInfinity()
    {
        Assert.Equal(0, PortableMath.Exp(-1e9));
        Assert.Equal(double.PositiveInfinity, PortableMath.Exp(1e9));
    }

    [Fact]
    public void SeededRandom_FirstBits_AreSplitMix64s()
    {
        // Reference values of SplitMix64 for seed 1234567 (Rosetta Code, task "Pseudo-random numbers/Splitmix64").
        SeededRandom random = new(1234567);
        Assert.Equal(6457827717110365317UL, random.NextBits());
        Assert.Equal(3203168211198807973UL, random.NextBits());
        Assert.Equal(9817491932198370423UL, random.NextBits());
    }

    [Fact]
    public void SeededRandom_ManyDraws_AreUniform()
    {
        SeededRandom random = new(5, 3);
        double[] draws = [.. Enumerable.Range(0, 20000).Select(_ => random.NextDouble())];
        Assert.InRange(draws.Average(), 0.49, 0.51);
        Assert.InRange(draws.Min(), 0, 0.001);
        Assert.InRange(draws.Max(), 0.999, 1);
    }
}
