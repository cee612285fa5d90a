using LatentSync.Media.Video.Probing;

namespace LatentSync.Media.Tests.Video;

public sealed class FrameOrientationTests
{
    [Theory]
    [InlineData(1, 0, 0, 1, FrameOrientation.Upright)]
    [InlineData(0, 1, -1, 0, FrameOrientation.Clockwise)]
    [InlineData(-1, 0, 0, -1, FrameOrientation.HalfTurn)]
    [InlineData(0, -1, 1, 0, FrameOrientation.CounterClockwise)]
    [InlineData(-1, 0, 0, 1, FrameOrientation.MirrorHorizontally)]
    [InlineData(1, 0, 0, -1, FrameOrientation.MirrorVertically)]
    [InlineData(0, 1, 1, 0, FrameOrientation.Transpose)]
    [InlineData(0, -1, -1, 0, FrameOrientation.AntiTranspose)]
    public void FromDisplayMatrix_RightAngles_AreRecognised(int a, int b, int c, int d, FrameOrientation expected)
    {
        string text = $"\n00000000: {a * 65536} {b * 65536} 0\n00000001: {c * 65536} {d * 65536} 0\n00000002: 0 0 1073741824\n";

        Assert.Equal(expected, FrameOrientations.FromDisplayMatrix(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00000000: x y z\n00000001: 0 0 0\n")]
    [InlineData("00000000: 46341 46341 0\n00000001: -46341 46341 0\n")] // 45 degrees
    [InlineData("00000000: 0 0 0\n00000001: 0 0 0\n")]
    public void FromDisplayMatrix_AnythingElse_IsNull(string text) => Assert.Null(FrameOrientations.FromDisplayMatrix(text));
}
