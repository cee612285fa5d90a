using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Tests.Wording;

public sealed class DurationTextTests
{
    [Theory]
    [InlineData(0, "0 s", "0 秒")]
    [InlineData(-3, "0 s", "0 秒")]
    [InlineData(0.424, "0.42 s", "0.42 秒")]
    [InlineData(3.44, "3.4 s", "3.4 秒")]
    [InlineData(9.96, "10 s", "10 秒")]
    [InlineData(59.4, "59 s", "59 秒")]
    [InlineData(59.6, "1 min", "1 分钟")]
    [InlineData(150, "2 min 30 s", "2 分 30 秒")]
    [InlineData(599.4, "9 min 59 s", "9 分 59 秒")]
    [InlineData(599.6, "10 min", "10 分钟")]
    [InlineData(3446, "57 min", "57 分钟")]
    [InlineData(3585, "1 h", "1 小时")]
    [InlineData(3600, "1 h", "1 小时")]
    [InlineData(11100, "3 h 5 min", "3 小时 5 分钟")]
    [InlineData(86390, "1 d", "1 天")]
    [InlineData(277200, "3 d 5 h", "3 天 5 小时")]
    [InlineData(double.NaN, "unknown", "未知")]
    [InlineData(double.PositiveInfinity, "unknown", "未知")]
    public void Of_Seconds_IsWhatPeopleSay(double seconds, string english, string chinese)
    {
        Assert.Equal(english, DurationText.Of(seconds));
        Assert.Equal(chinese, DurationText.Of(seconds, isChinese: true));
    }

    [Fact]
    public void Of_EverySecondOfThreeDays_HasNoUnitThatIsFull()
    {
        for (int seconds = 0; seconds < 3 * 86400; seconds += 7)
        {
            string text = DurationText.Of(seconds);
            Assert.DoesNotContain("60 ", text, StringComparison.Ordinal);
            Assert.DoesNotContain("24 h", text, StringComparison.Ordinal);
        }
    }
}
