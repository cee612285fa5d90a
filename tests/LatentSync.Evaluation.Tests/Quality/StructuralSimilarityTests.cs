using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Tests.Quality;

public sealed class StructuralSimilarityTests
{
    [Fact]
    public void Of_EqualPlanes_IsOne()
    {
        double[] plane = Noise(20, 15, 1);
        Assert.Equal(1, StructuralSimilarity.Of(plane, plane, 20, 15), 1e-12);
    }

    [Fact]
    public void Of_FlatPlanes_IsTheLuminanceTerm()
    {
        // (2·100·120 + 6.5025) / (100² + 120² + 6.5025); both variances are 0, so the other factor is 1
        double expected = (24000 + 6.5025) / (24400 + 6.5025);
        Assert.Equal(expected, StructuralSimilarity.Of(Flat(100), Flat(120), 12, 12), 1e-9);

        static double[] Flat(double value) => [.. Enumerable.Repeat(value, 144)];
    }

    [Fact]
    public void Of_OneWindow_IsTheFormulaWithTwoDimensionalWeights()
    {
        double[] a = Noise(11, 11, 2),
            b = [.. a.Select((v, i) => 0.6 * v + 30 + i % 7)];
        double[] weights = [.. Enumerable.Range(0, 121).Select(i => Math.Exp(-(Square(i % 11 - 5) + Square(i / 11 - 5)) / 4.5))];
        double sum = weights.Sum();
        double Mean(Func<int, double> value) => Enumerable.Range(0, 121).Sum(i => weights[i] / sum * value(i));
        double ma = Mean(i => a[i]),
            mb = Mean(i => b[i]);
        double va = Mean(i => Square(a[i] - ma)),
            vb = Mean(i => Square(b[i] - mb)),
            cov = Mean(i => (a[i] - ma) * (b[i] - mb));
        double expected = (2 * ma * mb + 6.5025) * (2 * cov + 58.5225) / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225));
        Assert.Equal(expected, StructuralSimilarity.Of(a, b, 11, 11), 1e-9);

        static double Square(double x) => x * x;
    }

    [Fact]
    public void OfRgb_UpperRows_IgnoresTheRest()
    {
        byte[] a = [.. Noise(12 * 3, 20, 3).Select(v => (byte)v)],
            b = [.. a];
        b.AsSpan(12 * 3 * 12).Fill(0);
        Assert.Equal(1, StructuralSimilarity.OfRgb(a, b, 12, 12), 1e-12);
        Assert.True(StructuralSimilarity.OfRgb(a, b, 12, 20) < 0.9);
    }

    [Fact]
    public void OfRgb_GreyPicture_IsThatOfItsLevels()
    {
        double[] a = Noise(12, 12, 4),
            b = Noise(12, 12, 5);
        byte[] Grey(double[] plane) => [.. plane.SelectMany(v => Enumerable.Repeat((byte)v, 3))];
        Assert.Equal(StructuralSimilarity.Of(a, b, 12, 12), StructuralSimilarity.OfRgb(Grey(a), Grey(b), 12, 12), 1e-9);
    }

    [Theory]
    [InlineData(10, 20)]
    [InlineData(20, 10)]
    public void Of_SmallerThanTheWindow_IsRefused(int width, int height) =>
        Assert.Throws<ArgumentException>(() =>
            StructuralSimilarity.Of(new double[width * height], new double[width * height], width, height)
        );

    private static double[] Noise(int width, int height, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, width * height).Select(_ => (double)random.Next(256))];
    }
}
