using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Tests.Quality;

public sealed class FlickerMeterTests
{
    [Fact]
    public void Mean_KnownPictures_IsTheMeanSquaredStep()
    {
        FlickerMeter meter = new([true, false]);
        Assert.Equal(0, meter.Mean);
        meter.Add([0, 0, 0, 1, 1, 1]);
        Assert.Equal(0, meter.Mean);
        meter.Add([3, 0, 0, 200, 1, 1]);
        Assert.Equal(3, meter.Mean); // 9 over three channels
        meter.Add([3, 0, 0, 7, 7, 7]);
        Assert.Equal(1.5, meter.Mean);
    }

    [Fact]
    public void Mean_EmptyRegion_IsZero()
    {
        FlickerMeter meter = new([false]);
        meter.Add([1, 2, 3]);
        meter.Add([4, 5, 6]);
        Assert.Equal(0, meter.Mean);
    }

    [Fact]
    public void Add_PictureOfAnotherSize_IsRefused() => Assert.Throws<ArgumentException>(() => new FlickerMeter([true]).Add([1, 2]));
}
