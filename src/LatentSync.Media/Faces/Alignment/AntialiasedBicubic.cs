namespace LatentSync.Media.Faces.Alignment;

/// <summary>PyTorch's antialiased bicubic resize (a = -0.5, half-pixel centres, kernel widened by the factor when shrinking), in
/// float32.</summary>
/// <remarks>Follows aten/src/ATen/native/cpu/UpSampleKernel.cpp, <c>_upsample_bicubic2d_aa</c>: horizontal pass first, weights
/// normalised to 1, taps outside the picture dropped. Values are not clamped.</remarks>
internal static class AntialiasedBicubic
{
    /// <summary>Resizes planes.</summary>
    /// <param name="planes">(count, height, width).</param>
    /// <param name="count">Number of planes.</param>
    /// <param name="height">Rows of each plane.</param>
    /// <param name="width">Columns of each plane.</param>
    /// <param name="newHeight">Rows wanted.</param>
    /// <param name="newWidth">Columns wanted.</param>
    /// <returns>(count, newHeight, newWidth).</returns>
    public static float[] Resize(ReadOnlySpan<float> planes, int count, int height, int width, int newHeight, int newWidth)
    {
        Taps[] columns = MakeTaps(width, newWidth);
        Taps[] rows = MakeTaps(height, newHeight);
        float[] narrow = new float[count * height * newWidth]; // (count, height, newWidth)
        for (int line = 0; line < count * height; line++)
        {
            ReadOnlySpan<float> source = planes.Slice(line * width, width);
            for (int x = 0; x < newWidth; x++)
            {
                Taps taps = columns[x];
                float sum = 0;
                for (int j = 0; j < taps.Weights.Length; j++)
                {
                    sum += source[taps.First + j] * taps.Weights[j];
                }
                narrow[(line * newWidth) + x] = sum;
            }
        }
        float[] resized = new float[count * newHeight * newWidth]; // (count, newHeight, newWidth)
        for (int plane = 0; plane < count; plane++)
        {
            for (int y = 0; y < newHeight; y++)
            {
                Taps taps = rows[y];
                Span<float> target = resized.AsSpan(((plane * newHeight) + y) * newWidth, newWidth);
                for (int j = 0; j < taps.Weights.Length; j++)
                {
                    ReadOnlySpan<float> source = narrow.AsSpan(((plane * height) + taps.First + j) * newWidth, newWidth);
                    float weight = taps.Weights[j];
                    for (int x = 0; x < target.Length; x++)
                    {
                        target[x] += source[x] * weight;
                    }
                }
            }
        }
        return resized;
    }

    private static Taps[] MakeTaps(int size, int newSize)
    {
        double scale = (double)size / newSize;
        double stretch = Math.Max(scale, 1);
        double support = 2 * stretch;
        var all = new Taps[newSize];
        for (int i = 0; i < newSize; i++)
        {
            double centre = scale * (i + 0.5);
            int first = Math.Max((int)(centre - support + 0.5), 0);
            int count = Math.Min((int)(centre + support + 0.5), size) - first;
            double[] weights = new double[count];
            double sum = 0;
            for (int j = 0; j < count; j++)
            {
                weights[j] = Cubic((j + first - centre + 0.5) / stretch);
                sum += weights[j];
            }
            all[i] = new Taps(first, [.. weights.Select(weight => (float)(weight / sum))]);
        }
        return all;
    }

    /// <summary>Keys' cubic convolution kernel with a = -0.5 (Catmull-Rom).</summary>
    private static double Cubic(double x)
    {
        x = Math.Abs(x);
        return x switch
        {
            < 1 => (((1.5 * x) - 2.5) * x * x) + 1,
            < 2 => (((((-0.5 * x) + 2.5) * x) - 4) * x) + 2,
            _ => 0,
        };
    }

    private readonly record struct Taps(int First, float[] Weights);
}
