using System.Globalization;
using System.Text.Json;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Tests.Loading;

namespace LatentSync.Models.Tests.AudioEncoders;

public sealed class AudioFrameClockTests
{
    [Theory]
    [InlineData("clip_a")]
    [InlineData("clip_b")]
    public void RowIndicesAndCount_EveryRecordedRate_EqualTheOriginal(string clip)
    {
        using GoldenFixture golden = new("whisper");
        JsonElement entry = golden.Manifest.GetProperty("clips").GetProperty(clip);
        int rows = entry.GetProperty("features_shape")[0].GetInt32();
        int compared = 0;
        foreach (JsonProperty rate in entry.GetProperty("chunks").EnumerateObject())
        {
            AudioFrameClock clock = new(double.Parse(rate.Name, CultureInfo.InvariantCulture));
            Assert.Equal(rate.Value.GetProperty("count").GetInt32(), clock.OriginalFrameCount(rows));
            foreach (JsonProperty frame in rate.Value.GetProperty("indices").EnumerateObject())
            {
                int[] expected = [.. frame.Value.EnumerateArray().Select(i => i.GetInt32())];
                Assert.Equal(expected, clock.RowIndices(int.Parse(frame.Name, CultureInfo.InvariantCulture), rows));
                compared++;
            }
        }
        Assert.True(compared >= 27);
    }

    [Fact]
    public void OriginalFrameCount_At25_IsHalfTheRowsAndTwo()
    {
        AudioFrameClock clock = new(25);
        Assert.All(Enumerable.Range(0, 3000), rows => Assert.Equal(rows / 2 + 2, clock.OriginalFrameCount(rows)));
    }

    [Theory]
    [InlineData(12.5)]
    [InlineData(23.976023976023978)]
    [InlineData(29.97002997002997)]
    [InlineData(50)]
    [InlineData(60)]
    [InlineData(59.94)]
    [InlineData(240)]
    public void OriginalFrameCount_AnyRate_IsThatOfTheOriginalsLoop(double rate)
    {
        AudioFrameClock clock = new(rate);
        foreach (int rows in new[] { 0, 1, 2, 49, 68, 150, 1500, 4711 })
        {
            int frame = 0;
            while (!((int)(frame * (50.0 / rate)) > rows))
            {
                frame++;
            }
            Assert.Equal(frame + 1, clock.OriginalFrameCount(rows));
        }
    }

    [Theory]
    [InlineData(9.6, 25, 240)] // 9.6 · 25 is 240.00000000000003 in binary
    [InlineData(9.61, 25, 241)]
    [InlineData(0, 25, 0)]
    [InlineData(0.001, 25, 1)]
    [InlineData(3600, 30000.0 / 1001, 107893)]
    public void FrameCount_CoversTheSound(double seconds, double rate, int expected) =>
        Assert.Equal(expected, new AudioFrameClock(rate).FrameCount(seconds));

    [Fact]
    public void RowIndices_OtherReach_HasItsRows()
    {
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7], new AudioFrameClock(25, 1, 2).RowIndices(1, 100));
        Assert.Equal([0, 0, 0, 1, 2, 3, 4, 5], new AudioFrameClock(25, 1, 2).RowIndices(0, 100));
        Assert.Equal([4, 5], new AudioFrameClock(25, 0, 0).RowIndices(2, 100));
    }

    [Fact]
    public void RowIndices_HugeFrame_IsTheLastRow() =>
        Assert.All(new AudioFrameClock(1).RowIndices(int.MaxValue, 7), i => Assert.Equal(6, i));

    [Theory]
    [InlineData(0)]
    [InlineData(-25)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void FrameRate_Impossible_Throws(double rate) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new AudioFrameClock(rate).RowIndices(0, 1));
}
