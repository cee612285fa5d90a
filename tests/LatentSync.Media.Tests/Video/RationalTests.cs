using LatentSync.Media.Video.Probing;

namespace LatentSync.Media.Tests.Video;

public sealed class RationalTests
{
    [Theory]
    [InlineData("30000/1001", 30000, 1001)]
    [InlineData("50/2", 25, 1)]
    [InlineData("16:15", 16, 15)]
    [InlineData("25", 25, 1)]
    public void TryParse_Fraction_IsReduced(string text, long numerator, long denominator)
    {
        Assert.True(Rational.TryParse(text, out Rational value));
        Assert.Equal((numerator, denominator), (value.Numerator, value.Denominator));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0/0")]
    [InlineData("0/1")]
    [InlineData("1/0")]
    [InlineData("-25/1")]
    [InlineData("N/A")]
    [InlineData("1/2/3")]
    [InlineData("99999999999999999999/1")]
    public void TryParse_AnythingElse_IsRefused(string? text) => Assert.False(Rational.TryParse(text, out _));

    [Fact]
    public void CompareTo_LargeTerms_DoesNotOverflow()
    {
        Assert.True(new Rational(long.MaxValue, 3).CompareTo(new Rational(long.MaxValue, 2)) < 0);
    }
}
