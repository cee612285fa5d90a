using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Tests.Quality;

public sealed class QualitySummaryTests
{
    private static ClipQuality Clip(double value, int offset, double psnr) =>
        new()
        {
            Correlation = value,
            CorrelationUnrelated = value / 2,
            CorrelationInput = -value,
            OffsetFrames = offset,
            PsnrOutsideMask = psnr,
            SsimUpperFace = value,
            FlickerRatio = 2 * value,
        };

    [Fact]
    public void Of_TwoClips_AveragesThem()
    {
        QualitySummary summary = QualitySummary.Of([Clip(0.8, 0, 40), Clip(0.6, -1, 50)]);
        Assert.Equal(0.7, summary.Correlation, 1e-12);
        Assert.Equal(0.35, summary.CorrelationUnrelated, 1e-12);
        Assert.Equal(-0.7, summary.CorrelationInput, 1e-12);
        Assert.Equal(0.5, summary.OffsetZeroFraction);
        Assert.Equal(1.4, summary.FlickerRatio, 1e-12);
        // mean squared errors are in the proportion 10 : 1
        Assert.Equal(40 - 10 * Math.Log10(1.1 / 2), summary.PsnrOutsideMask, 1e-9);
    }

    [Fact]
    public void Of_NoClip_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => QualitySummary.Of([]));

    [Fact]
    public void Targets_TheFigures_AreOncePerSummaryProperty() =>
        Assert.Equal(
            typeof(QualitySummary).GetProperties().Select(p => char.ToLowerInvariant(p.Name[0]) + p.Name[1..]).Order(),
            QualityTarget.All.Select(t => t.Name).Order()
        );

    [Fact]
    public void IsMet_BoundsAreInclusiveAndInWords()
    {
        QualityTarget least = new("a", "", 0.7, null, q => q.Correlation, "0.00"),
            most = new("b", "", null, 0.6, q => q.Correlation, "0.0", " dB");
        QualityTarget between = new("c", "", 0.5, 2, q => q.FlickerRatio, "0.0");
        QualitySummary summary = QualitySummary.Of([Clip(0.75, 0, 40)]);
        Assert.True(least.IsMet(summary) && between.IsMet(summary));
        Assert.False(most.IsMet(summary));
        Assert.True((most with { Most = 0.75 }).IsMet(summary));
        Assert.Equal(("at least 0.70", "at most 0.6 dB", "0.5 to 2.0"), (least.Wanted, most.Wanted, between.Wanted));
    }
}
