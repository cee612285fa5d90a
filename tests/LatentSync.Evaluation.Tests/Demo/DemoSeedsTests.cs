using LatentSync.Evaluation.Demo;

namespace LatentSync.Evaluation.Tests.Demo;

public sealed class DemoSeedsTests
{
    [Fact]
    public void Of_AnySeed_IsOutsideTheTrainingsRange()
    {
        long[] seeds = [0, 1, 1247, int.MaxValue, long.MaxValue, long.MinValue, -1, .. Enumerable.Range(0, 1000)];
        Assert.All(seeds.SelectMany(s => All(DemoSeeds.Of(s))), seed => Assert.InRange(seed, 1L << 40, (1L << 62) - 1));
    }

    [Fact]
    public void Of_Seed_GivesAlwaysTheSameAndThreeDifferentOnes()
    {
        Assert.Equal(DemoSeeds.Of(7), DemoSeeds.Of(7));
        Assert.Equal(3 * 1000, Enumerable.Range(0, 1000).SelectMany(s => All(DemoSeeds.Of(s))).Distinct().Count());
    }

    private static long[] All(DemoSeeds seeds) => [seeds.Clip, seeds.Speech, seeds.Unrelated];
}
