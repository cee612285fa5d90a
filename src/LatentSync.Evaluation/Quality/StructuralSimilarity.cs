namespace LatentSync.Evaluation.Quality;

/// <summary>Mean structural similarity of two luma planes.</summary>
/// <remarks>Wang, Bovik, Sheikh and Simoncelli, 2004, equations 13 and 17: Gaussian window of 11 x 11 with σ 1.5,
/// C₁ = (0.01 · 255)², C₂ = (0.03 · 255)²; averaged over all places where the whole window lies inside.</remarks>
internal static class StructuralSimilarity
{
    /// <summary>Side of the window in pixels; planes are at least so large.</summary>
    public const int WindowSide = 11;

    private const double Sigma = 1.5;
    private const double C1 = 0.01 * 255 * (0.01 * 255);
    private const double C2 = 0.03 * 255 * (0.03 * 255);
    private static readonly double[] Window = GaussianWindow();

    /// <summary>The similarity of two pictures, or of their upper rows.</summary>
    /// <param name="first">Packed RGB24; luma is 0.299 R + 0.587 G + 0.114 B.</param>
    /// <param name="second">The same size.</param>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows that count, from the top.</param>
    public static double OfRgb(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int width, int height)
    {
        int pixels = checked(width * height);
        return Of(Luma(first[..(3 * pixels)]), Luma(second[..(3 * pixels)]), width, height);
    }

    /// <summary>The similarity of two planes.</summary>
    /// <param name="first">(height, width), 0..255.</param>
    /// <param name="second">(height, width), 0..255.</param>
    /// <param name="width">At least 11.</param>
    /// <param name="height">At least 11.</param>
    /// <returns>1 for equal planes, less otherwise; above -1.</returns>
    public static double Of(ReadOnlySpan<double> first, ReadOnlySpan<double> second, int width, int height)
    {
        if (width < WindowSide || height < WindowSide || first.Length != width * height || second.Length != first.Length)
        {
            throw new ArgumentException(
                $"Two planes of at least {WindowSide}x{WindowSide} values are required, not {first.Length} and {second.Length} values for {width}x{height}.",
                nameof(first)
            );
        }
        double[] products = new double[first.Length];
        double[] meanA = Blur(first, width, height),
            meanB = Blur(second, width, height);
        double[] squareA = BlurProduct(first, first),
            squareB = BlurProduct(second, second),
            mixed = BlurProduct(first, second);
        double sum = 0;
        for (int i = 0; i < meanA.Length; i++)
        {
            double a = meanA[i],
                b = meanB[i];
            double varianceA = squareA[i] - a * a,
                varianceB = squareB[i] - b * b,
                covariance = mixed[i] - a * b;
            sum += (2 * a * b + C1) * (2 * covariance + C2) / ((a * a + b * b + C1) * (varianceA + varianceB + C2));
        }
        return sum / meanA.Length;

        double[] BlurProduct(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
        {
            for (int i = 0; i < x.Length; i++)
            {
                products[i] = x[i] * y[i];
            }
            return Blur(products, width, height);
        }
    }

    /// <summary>Weighted means at every place where the window fits: (height - 10, width - 10).</summary>
    private static double[] Blur(ReadOnlySpan<double> plane, int width, int height)
    {
        int columns = width - WindowSide + 1,
            rows = height - WindowSide + 1;
        double[] across = new double[height * columns];
        for (int i = 0; i < across.Length; i++)
        {
            ReadOnlySpan<double> taps = plane.Slice(i / columns * width + i % columns, WindowSide);
            double sum = 0;
            for (int k = 0; k < WindowSide; k++)
            {
                sum += Window[k] * taps[k];
            }
            across[i] = sum;
        }
        double[] means = new double[rows * columns];
        for (int k = 0; k < WindowSide; k++)
        {
            ReadOnlySpan<double> from = across.AsSpan(k * columns, means.Length);
            for (int i = 0; i < means.Length; i++)
            {
                means[i] += Window[k] * from[i];
            }
        }
        return means;
    }

    private static double[] Luma(ReadOnlySpan<byte> rgb)
    {
        double[] luma = new double[rgb.Length / 3];
        for (int i = 0; i < luma.Length; i++)
        {
            luma[i] = 0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2];
        }
        return luma;
    }

    private static double[] GaussianWindow()
    {
        double[] window = new double[WindowSide];
        for (int i = 0; i < WindowSide; i++)
        {
            double t = i - WindowSide / 2;
            window[i] = Math.Exp(-t * t / (2 * Sigma * Sigma));
        }
        double sum = window.Sum();
        return [.. window.Select(w => w / sum)];
    }
}
