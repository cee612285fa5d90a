using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Tests.Faces;

public sealed class AntialiasedBicubicTests
{
    [Fact]
    public void Resize_SameSize_ChangesNothing()
    {
        float[] picture = [.. Enumerable.Range(0, 30).Select(i => (float)Math.Sin(i))];

        float[] resized = AntialiasedBicubic.Resize(picture, 1, 5, 6, 5, 6);

        Assert.All(picture.Zip(resized), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
    }

    [Fact]
    public void Resize_Halving_UsesEightWidenedTaps()
    {
        // one row of 16 with a single 1 at column 7: output column x has its centre at 2x + 1, tap distance (7 + 0.5 - 2x - 1) / 2
        float[] row = new float[16];
        row[7] = 1;

        float[] resized = AntialiasedBicubic.Resize(row, 1, 1, 16, 1, 8);

        // Catmull-Rom at 0.25, 0.75, 1.25, 1.75; the eight taps of an inner column sum to 2
        float[] weights = [0.8671875f, 0.2265625f, -0.0703125f, -0.0234375f];
        Assert.Equal(weights[0] / 2, resized[3], 1e-6f);
        Assert.Equal(weights[1] / 2, resized[4], 1e-6f);
        Assert.Equal(weights[2] / 2, resized[2], 1e-6f);
        Assert.Equal(weights[3] / 2, resized[5], 1e-6f);
    }

    [Fact]
    public void Resize_AnyFactor_KeepsConstants()
    {
        float[] plain = new float[3 * 20 * 30];
        plain.AsSpan().Fill(0.7f);

        float[] resized = AntialiasedBicubic.Resize(plain, 3, 20, 30, 47, 11);

        Assert.Equal(3 * 47 * 11, resized.Length);
        Assert.All(resized, value => Assert.Equal(0.7f, value, 1e-5f));
    }
}
