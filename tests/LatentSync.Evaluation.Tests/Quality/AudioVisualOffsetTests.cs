using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Tests.Quality;

public sealed class AudioVisualOffsetTests
{
    private static readonly double[] Speech =
    [
        .. Enumerable.Range(0, 75).Select(i => 0.5 + 0.3 * Math.Sin(i * 0.9) + 0.2 * Math.Sin(i * 0.37 + 1)),
    ];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-1)]
    [InlineData(15)]
    [InlineData(-15)]
    public void Estimate_ShiftedMouth_FindsTheShift(int lag)
    {
        // measured[i + lag] = implied[i]: the mouth is late by lag frames
        double[] mouth = [.. Enumerable.Range(0, 75).Select(i => i - lag is >= 0 and < 75 and var at ? Speech[at] : 0.5)];
        AudioVisualOffset offset = AudioVisualOffset.Estimate(mouth, Speech);
        Assert.Equal(lag, offset.Frames);
        Assert.Equal(1, offset.Correlation, 1e-9);
    }

    [Fact]
    public void Estimate_ShiftBeyondTheReach_IsNotFound() =>
        Assert.InRange(AudioVisualOffset.Estimate([.. Speech.Skip(5)], Speech, reach: 2).Frames, -2, 2);

    [Fact]
    public void Estimate_StillMouth_IsZero() =>
        Assert.Equal(new AudioVisualOffset(0, 0), AudioVisualOffset.Estimate(new double[75], Speech));

    [Fact]
    public void Estimate_ShortSeries_KeepsHalfInCommon()
    {
        // By two frames the two series would agree perfectly, but only 2 of 4 frames would be left; 1 of 3 may not be.
        Assert.Equal(2, AudioVisualOffset.Estimate([9, 0, 1, 5], [1, 5, 0, 9]).Frames);
        Assert.InRange(AudioVisualOffset.Estimate([4, 0, 1], [1, 5, 0]).Frames, -1, 1);
        Assert.Equal(0, AudioVisualOffset.Estimate([], []).Frames);
    }
}
