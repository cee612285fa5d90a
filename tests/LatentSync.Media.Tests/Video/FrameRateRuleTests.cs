using LatentSync.Media.Video.Probing;

namespace LatentSync.Media.Tests.Video;

public sealed class FrameRateRuleTests
{
    [Theory]
    [InlineData("25/1", "25/1", "25/1", false)]
    [InlineData("30000/1001", "30000/1001", "30000/1001", false)]
    [InlineData("24000/1001", "19001/793", "24000/1001", false)] // a container that counts milliseconds
    [InlineData("19001/317", "19001/317", "60000/1001", false)]
    [InlineData("2997/100", "2997/100", "2997/100", false)]
    [InlineData("60/1", null, "60/1", false)]
    [InlineData(null, "50/1", "50/1", false)]
    [InlineData("90000/1", null, "25/1", false)]
    [InlineData(null, null, "25/1", false)]
    [InlineData("50/1", "25/1", "25/1", false)] // fields, not frames
    [InlineData("30/1", "2873/100", "30/1", true)] // a phone that skipped some
    [InlineData("60/1", "47/2", "60/1", true)]
    [InlineData("1000/1", "2994/100", "30000/1001", true)] // ticks, not frames
    [InlineData("90000/1", "248/10", "25/1", true)]
    [InlineData("90000/1", "1337/100", "13/1", true)]
    [InlineData("90000/1", "1/10", "25/1", true)]
    [InlineData("120/1", "11/1", "11/1", true)] // ten times what was recorded
    [InlineData("1/1", "1/1", "25/1", false)] // a slide show: pictures are held
    [InlineData("1/1", null, "25/1", false)]
    [InlineData("999/100", "999/100", "25/1", false)]
    [InlineData("10/1", "10/1", "10/1", false)]
    [InlineData("1000/1", "1000/1", "240/1", false)]
    public void Choose_BaseAndAverage_GivesTheNominalRate(string? baseRate, string? average, string expected, bool variable)
    {
        Rational? Parse(string? text) => Rational.TryParse(text, out Rational value) ? value : null;

        (Rational rate, bool isVariable, string? note) = FrameRateRule.Choose(Parse(baseRate), Parse(average));

        Assert.Equal(expected, rate.ToString());
        Assert.Equal(variable, isVariable);
        Assert.True(!variable || note is not null, "a varying rate must be told");
    }
}
