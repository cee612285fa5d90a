namespace LatentSync.Media.Video.Shots;

/// <summary>Scaling down of packed RGB with OpenCV's 8-bit bilinear rule, bit for bit: fixed-point weights of 11 bits, no
/// low-pass.</summary>
internal static class BilinearShrink
{
    private const int One = 2048;

    /// <summary>The smaller picture.</summary>
    /// <param name="rgb">Packed RGB of the larger one.</param>
    /// <param name="width">Its width.</param>
    /// <param name="height">Its height.</param>
    /// <param name="toWidth">At most <paramref name="width"/>.</param>
    /// <param name="toHeight">At most <paramref name="height"/>.</param>
    public static byte[] Of(ReadOnlySpan<byte> rgb, int width, int height, int toWidth, int toHeight)
    {
        byte[] result = new byte[3 * toWidth * toHeight];
        if (width == 2 * toWidth && height == 2 * toHeight)
        {
            Halve(rgb, width, toWidth, toHeight, result);
            return result;
        }
        Tap[] columns = Taps(width, toWidth),
            rows = Taps(height, toHeight);
        int[] upper = new int[3 * toWidth],
            lower = new int[3 * toWidth];
        for (int y = 0; y < toHeight; y++)
        {
            Tap row = rows[y];
            Line(rgb.Slice(3 * width * row.First, 3 * width), columns, upper);
            Line(rgb.Slice(3 * width * row.Second, 3 * width), columns, lower);
            Span<byte> to = result.AsSpan(3 * toWidth * y, 3 * toWidth);
            for (int i = 0; i < to.Length; i++)
            {
                int sum = ((row.FirstWeight * (upper[i] >> 4)) >> 16) + ((row.SecondWeight * (lower[i] >> 4)) >> 16);
                to[i] = (byte)((sum + 2) >> 2);
            }
        }
        return result;
    }

    private static void Halve(ReadOnlySpan<byte> rgb, int width, int toWidth, int toHeight, Span<byte> result)
    {
        for (int y = 0; y < toHeight; y++)
        {
            ReadOnlySpan<byte> upper = rgb.Slice(3 * width * 2 * y, 3 * width),
                lower = rgb.Slice(3 * width * ((2 * y) + 1), 3 * width);
            for (int x = 0; x < toWidth; x++)
            {
                for (int c = 0; c < 3; c++)
                {
                    int i = (6 * x) + c;
                    result[(3 * ((y * toWidth) + x)) + c] = (byte)((upper[i] + upper[i + 3] + lower[i] + lower[i + 3] + 2) >> 2);
                }
            }
        }
    }

    private static void Line(ReadOnlySpan<byte> row, Tap[] columns, int[] to)
    {
        for (int x = 0; x < columns.Length; x++)
        {
            Tap tap = columns[x];
            for (int c = 0; c < 3; c++)
            {
                to[(3 * x) + c] = (tap.FirstWeight * row[(3 * tap.First) + c]) + (tap.SecondWeight * row[(3 * tap.Second) + c]);
            }
        }
    }

    private static Tap[] Taps(int from, int to)
    {
        double scale = (double)from / to;
        Tap[] taps = new Tap[to];
        for (int i = 0; i < to; i++)
        {
            float place = (float)(((i + 0.5) * scale) - 0.5);
            int first = (int)MathF.Floor(place);
            float fraction = place - first;
            if (first < 0)
            {
                (first, fraction) = (0, 0);
            }
            if (first >= from - 1)
            {
                (first, fraction) = (from - 1, 0);
            }
            taps[i] = new Tap(
                first,
                Math.Min(first + 1, from - 1),
                (int)MathF.Round((1 - fraction) * One, MidpointRounding.ToEven),
                (int)MathF.Round(fraction * One, MidpointRounding.ToEven)
            );
        }
        return taps;
    }

    /// <summary>Two neighbours and their weights, which sum to 2048.</summary>
    private readonly record struct Tap(int First, int Second, int FirstWeight, int SecondWeight);
}
