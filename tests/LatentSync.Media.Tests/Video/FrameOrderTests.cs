using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Video;

public sealed class FrameOrderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void SourceIndex_PingPong_EqualsTheOriginalsConcatenation(int frames)
    {
        const int Output = 40;
        var expected = new List<long>();
        for (int pass = 0; expected.Count < Output; pass++)
        {
            IEnumerable<int> order = Enumerable.Range(0, frames);
            expected.AddRange((pass % 2 == 0 ? order : order.Reverse()).Select(i => (long)i));
        }

        for (int i = 0; i < Output; i++)
        {
            Assert.Equal(expected[i], FrameOrder.SourceIndex(i, frames, ExtendPolicy.PingPong));
        }
    }

    [Fact]
    public void SourceIndex_EveryPolicy_FollowsItsRuleAfterTheEnd()
    {
        long?[] Order(ExtendPolicy policy) => [.. Enumerable.Range(0, 7).Select(i => FrameOrder.SourceIndex(i, 3, policy))];

        Assert.Equal(new long?[] { 0, 1, 2, 2, 1, 0, 0 }, Order(ExtendPolicy.PingPong));
        Assert.Equal(new long?[] { 0, 1, 2, 0, 1, 2, 0 }, Order(ExtendPolicy.Loop));
        Assert.Equal(new long?[] { 0, 1, 2, 2, 2, 2, 2 }, Order(ExtendPolicy.Hold));
        Assert.Equal(new long?[] { 0, 1, 2, null, null, null, null }, Order(ExtendPolicy.Stop));
    }

    [Fact]
    public void SourceIndex_HugeIndex_DoesNotOverflow()
    {
        Assert.InRange(FrameOrder.SourceIndex(long.MaxValue, 1_000_003, ExtendPolicy.PingPong)!.Value, 0, 1_000_002);
    }

    [Fact]
    public void OutputFrames_StopOnly_EndsWithTheVideo()
    {
        Assert.Equal(3, FrameOrder.OutputFrames(10, 3, ExtendPolicy.Stop));
        Assert.Equal(2, FrameOrder.OutputFrames(2, 3, ExtendPolicy.Stop));
        Assert.Equal(10, FrameOrder.OutputFrames(10, 3, ExtendPolicy.Hold));
    }

    [Fact]
    public void SourceIndex_NoFrames_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => FrameOrder.SourceIndex(0, 0, ExtendPolicy.PingPong));
        Assert.Throws<ArgumentOutOfRangeException>(() => FrameOrder.SourceIndex(-1, 1, ExtendPolicy.PingPong));
    }
}
