using System.Diagnostics;
using LatentSync.Cli.Display;

namespace LatentSync.Cli.Tests;

public sealed class PaceTests
{
    [Fact]
    public void TimeLeft_OfAResumedRun_CountsOnlyWhatThisRunDid()
    {
        Pace pace = new(FirstDone: 2400, FirstAt: 0);

        TimeSpan? left = pace.TimeLeft(done: 2500, total: 7200, now: 10 * Stopwatch.Frequency);

        Assert.Equal(470, left!.Value.TotalSeconds, 3);
    }

    [Theory]
    [InlineData(2400, 7200)]
    [InlineData(2300, 7200)]
    [InlineData(7200, 7200)]
    public void TimeLeft_NothingDoneOrNothingLeft_IsUnknown(long done, long total)
    {
        Pace pace = new(FirstDone: 2400, FirstAt: 0);

        Assert.Null(pace.TimeLeft(done, total, now: Stopwatch.Frequency));
    }
}
