using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Tests.Quality;

public sealed class PearsonCorrelationTests
{
    [Fact]
    public void Of_KnownSeries_IsRight()
    {
        Assert.Equal(1, PearsonCorrelation.Of([0, 1, 2, 3], [5, 7, 9, 11]), 1e-12);
        Assert.Equal(-1, PearsonCorrelation.Of([0, 1, 2], [0, -1, -2]), 1e-12);
        // means 2 and 13/6; Σxy 1.5, Σx² 2, Σy² 13/6
        Assert.Equal(1.5 / Math.Sqrt(2 * 13.0 / 6), PearsonCorrelation.Of([1, 2, 3], [1, 3, 2.5]), 1e-12);
    }

    [Fact]
    public void Of_NothingThatMoves_IsZero()
    {
        Assert.Equal(0, PearsonCorrelation.Of([1, 1, 1], [0, 1, 2]));
        Assert.Equal(0, PearsonCorrelation.Of([0, 1, 2], [0.3, 0.3, 0.3]));
        Assert.Equal(0, PearsonCorrelation.Of([1], [1]));
        Assert.Equal(0, PearsonCorrelation.Of([], []));
    }

    [Fact]
    public void Of_DifferentLengths_UsesTheCommonStart() => Assert.Equal(1, PearsonCorrelation.Of([0, 1, 2, -50, 9], [1, 2, 3]), 1e-12);
}
