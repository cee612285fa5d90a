using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Tests.Faces;

public sealed class RobustSimilarityTests
{
    private static readonly AffineMatrix Truth = new(0.98, -0.05, 4, 0.05, 0.98, -7);

    [Fact]
    public void Fit_ThirtyPercentWrong_FindsTheMap()
    {
        var random = new Random(7);
        FacePoint[] from = [.. Enumerable.Range(0, 60).Select(_ => new FacePoint(random.NextDouble() * 200, random.NextDouble() * 200))];
        FacePoint[] to =
        [
            .. from.Select((p, i) => i % 10 < 3 ? p + new FacePoint(30 * random.NextDouble(), -25 * random.NextDouble()) : Truth.Apply(p)),
        ];

        AffineMatrix? map = RobustSimilarity.Fit(from, to, 0.5, 30);

        Assert.NotNull(map);
        FaceAlignerTests.AssertClose(Truth, map.Value, 1e-6);
    }

    [Fact]
    public void Fit_NothingInCommon_IsNull()
    {
        var random = new Random(8);
        FacePoint[] from = [.. Enumerable.Range(0, 40).Select(_ => new FacePoint(random.NextDouble() * 200, random.NextDouble() * 200))];
        FacePoint[] to = [.. Enumerable.Range(0, 40).Select(_ => new FacePoint(random.NextDouble() * 200, random.NextDouble() * 200))];

        Assert.Null(RobustSimilarity.Fit(from, to, 1, 20));
    }

    [Fact]
    public void Fit_OnePointOrNone_IsNull()
    {
        Assert.Null(RobustSimilarity.Fit([], [], 1, 1));
        Assert.Null(RobustSimilarity.Fit([new(1, 2)], [new(3, 4)], 1, 1));
    }
}
