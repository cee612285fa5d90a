using LatentSync.Training.Datasets;
using TorchSharp;

namespace LatentSync.Training.Tests.Datasets;

public sealed class FaceClipTests
{
    private static readonly byte[][] Pixels =
    [
        .. Enumerable.Range(0, 5).Select(frame => Enumerable.Range(0, 3 * 8 * 8).Select(i => (byte)((frame * 50) + i)).ToArray()),
    ];

    [Fact]
    public void Frames_Window_IsPlanesOfMinusOneToOne()
    {
        FaceClip clip = new("a.mp4", 8, Pixels, new float[5 * 640]);

        using torch.Tensor frames = clip.Frames(1, 3);

        Assert.Equal([3, 3, 8, 8], frames.shape);
        foreach ((int f, int c, int y, int x) in new[] { (0, 0, 0, 0), (2, 1, 3, 5), (1, 2, 7, 7) })
        {
            float expected = (Pixels[1 + f][(3 * ((8 * y) + x)) + c] / 127.5f) - 1;
            Assert.Equal(expected, frames[f, c, y, x].item<float>(), 1e-6f);
        }
        Assert.True(frames.min().item<float>() >= -1 && frames.max().item<float>() <= 1);
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(3, 1)]
    public void Frames_OutsideTheClip_AreRefused(int start, int count)
    {
        FaceClip clip = new("a.mp4", 8, Pixels, new float[(3 * 640) + 639]); // speech for three frames

        Assert.Equal(3, clip.FrameCount);
        Assert.Throws<ArgumentOutOfRangeException>(() => clip.Frames(start, count));
    }

    [Fact]
    public void Constructor_FrameOfAnotherSize_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new FaceClip("a.mp4", 9, Pixels, new float[640]));
}
