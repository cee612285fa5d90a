using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Tests.Quality;

public sealed class SquaredErrorMeterTests
{
    [Fact]
    public void Decibels_DifferenceOfOneLevel_Is48()
    {
        SquaredErrorMeter meter = new();
        meter.AddWhereZero([10, 20, 30], [11, 19, 31], [0]);
        Assert.Equal(1, meter.Mean);
        Assert.Equal(48.1308, meter.Decibels, 1e-4); // 20 log10(255)
    }

    [Fact]
    public void AddWhereZero_PixelsWithWeight_DoNotCount()
    {
        SquaredErrorMeter meter = new();
        meter.AddWhereZero([0, 0, 0, 9, 9, 9], [2, 0, 0, 200, 200, 200], [0, 0.001f]);
        meter.AddWhereZero([5, 5, 5], [5, 5, 5], [0]);
        Assert.Equal(4.0 / 6, meter.Mean, 1e-12);
    }

    [Fact]
    public void Decibels_EqualPictures_AreALargeFiniteNumber()
    {
        SquaredErrorMeter meter = new();
        Assert.Equal(SquaredErrorMeter.EqualDecibels, meter.Decibels);
        meter.AddWhereZero([1, 2, 3], [1, 2, 3], [0]);
        Assert.Equal(100, meter.Decibels);
    }

    [Fact]
    public void MeanSquareOf_Decibels_IsTheWayBack() =>
        Assert.Equal(2.5, SquaredErrorMeter.MeanSquareOf(SquaredErrorMeter.DecibelsOf(2.5)), 1e-12);

    [Fact]
    public void AddWhereZero_OtherSizes_AreRefused() =>
        Assert.Throws<ArgumentException>(() => new SquaredErrorMeter().AddWhereZero([1, 2, 3], [1, 2, 3], [0, 0]));
}
