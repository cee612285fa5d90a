using LatentSync.Chunks;

namespace LatentSync.Tests.Chunks;

public sealed class FrameClockTests
{
    [Theory]
    [InlineData(25.0, 9.6, 240, 240)]
    [InlineData(24.9999, 9.6, 240, 240)]
    [InlineData(25.0, 0.001, 1, 1)]
    [InlineData(25.0, 9.601, 241, 241)]
    [InlineData(50.0, 2.0, 100, 50)]
    [InlineData(30000.0 / 1001, 10.01, 300, 251)]
    [InlineData(12.5, 2.0, 25, 50)]
    public void Counts_AreTheCeilingOfLengthTimesRate(double rate, double seconds, int outputFrames, int networkFrames)
    {
        FrameClock clock = new(rate, seconds);

        Assert.Equal(outputFrames, clock.OutputFrames);
        Assert.Equal(networkFrames, clock.NetworkFrames);
    }

    [Fact]
    public void Maps_At25_AreTheIdentity()
    {
        FrameClock clock = new(25, 3.2);

        for (int i = 0; i < clock.OutputFrames; i++)
        {
            Assert.Equal(i, clock.NetworkFrameOf(i));
            Assert.Equal(i, clock.OutputFrameOf(i));
        }
    }

    [Theory]
    [InlineData(10.0)]
    [InlineData(15.0)]
    [InlineData(24000.0 / 1001)]
    [InlineData(30000.0 / 1001)]
    [InlineData(50.0)]
    [InlineData(60.0)]
    [InlineData(119.88)]
    public void Maps_AtAnyRate_AreNearestInTimeAndMonotonic(double rate)
    {
        FrameClock clock = new(rate, 7.3);
        int before = 0;
        for (int i = 0; i < clock.OutputFrames; i++)
        {
            int k = clock.NetworkFrameOf(i);
            Assert.InRange(k, before, clock.NetworkFrames - 1);
            // Nearest: at most half a network frame away, but for the clamp at the end.
            if (k < clock.NetworkFrames - 1)
            {
                Assert.InRange(Math.Abs((i / rate) - (k / 25.0)), 0, 0.5 / 25.0 + 1e-9);
            }
            before = k;
        }
        before = 0;
        for (int k = 0; k < clock.NetworkFrames; k++)
        {
            int i = clock.OutputFrameOf(k);
            Assert.InRange(i, before, clock.OutputFrames - 1);
            if (i < clock.OutputFrames - 1)
            {
                Assert.InRange(Math.Abs((i / rate) - (k / 25.0)), 0, 0.5 / rate + 1e-9);
            }
            before = i;
        }
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-25, 1)]
    [InlineData(double.NaN, 1)]
    [InlineData(25, 0)]
    [InlineData(25, double.PositiveInfinity)]
    public void Create_WithoutRateOrLength_Throws(double rate, double seconds) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new FrameClock(rate, seconds));
}
