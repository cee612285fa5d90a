using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests;

public sealed class BFloat16Tests
{
    [Fact]
    public void Conversion_EveryNumber_ComesBack()
    {
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
        {
            var number = BFloat16.FromBits((ushort)bits);
            var again = (BFloat16)(float)number;
            Assert.True(again.Bits == bits || float.IsNaN(number) && float.IsNaN(again));
        }
    }

    [Theory]
    [InlineData(1.00390625f, 1f)] // half way, to even
    [InlineData(1.01171875f, 1.015625f)]
    [InlineData(1.00390637f, 1.0078125f)]
    [InlineData(float.MaxValue, float.PositiveInfinity)]
    [InlineData(-1e-45f, -0f)]
    public void Conversion_BetweenNumbers_RoundsToNearestEven(float value, float expected) =>
        Assert.Equal(expected, (float)(BFloat16)value);

    [Fact]
    public void Equality_FollowsFloat()
    {
        BFloat16 zero = (BFloat16)0f,
            negative = (BFloat16)(-0f),
            nan = (BFloat16)float.NaN,
            two = (BFloat16)2f;
        Assert.True(zero == negative);
        Assert.True(nan != BFloat16.FromBits(nan.Bits));
        Assert.True(nan.Equals((object)nan));
        Assert.Equal(two.GetHashCode(), BFloat16.FromBits(0x4000).GetHashCode());
        Assert.Equal("2", two.ToString());
    }
}
