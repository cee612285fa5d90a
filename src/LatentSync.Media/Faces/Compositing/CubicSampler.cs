using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using LatentSync.Media.Faces.Alignment;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Compositing;

/// <summary>Samples a face by Keys' cubic convolution (a = -0.5) at any position, widened when the face shrinks, and blends into a
/// pixel.</summary>
/// <remarks>The needed part of the face is copied once into pixels of four floats (red, green, blue, 0), with a margin that repeats the
/// edge, so that each tap is one 128-bit load and multiply for all channels and needs no bounds check.</remarks>
internal sealed class CubicSampler : IDisposable
{
    // Weights of the taps -1, 0, 1, 2 as polynomials of the fraction t: one lane per tap.
    private static readonly Vector128<float> Power0 = Vector128.Create(0f, 1, 0, 0);
    private static readonly Vector128<float> Power1 = Vector128.Create(-0.5f, 0, 0.5f, 0);
    private static readonly Vector128<float> Power2 = Vector128.Create(1, -2.5f, 2, -0.5f);
    private static readonly Vector128<float> Power3 = Vector128.Create(-0.5f, 1.5f, -1.5f, 0.5f);

    private readonly float[] _pixels;
    private readonly int _stride;
    private readonly int _left;
    private readonly int _top;
    private readonly double _stretchX;
    private readonly double _stretchY;

    private CubicSampler(float[] pixels, int stride, int left, int top, double stretchX, double stretchY)
    {
        _pixels = pixels;
        _stride = stride;
        _left = left;
        _top = top;
        _stretchX = stretchX;
        _stretchY = stretchY;
    }

    /// <summary>Prepares a face.</summary>
    /// <param name="face">(3, side, side) in [-1, 1].</param>
    /// <param name="side">Side in pixels.</param>
    /// <param name="bounds">Positions to be sampled lie within one pixel of this rectangle.</param>
    /// <param name="toSquare">Map from frame to face; its scales say how much the kernel is widened.</param>
    /// <param name="colours">Applied to every pixel.</param>
    public static CubicSampler Create(ReadOnlySpan<float> face, int side, Rect bounds, AffineMatrix toSquare, ColourMatch colours)
    {
        double stretchX = Math.Max(1, toSquare.ScaleX),
            stretchY = Math.Max(1, toSquare.ScaleY);
        int marginX = (int)Math.Ceiling(2 * stretchX) + 2,
            marginY = (int)Math.Ceiling(2 * stretchY) + 2;
        int left = bounds.Left - marginX,
            top = bounds.Top - marginY;
        int width = bounds.Width + (2 * marginX),
            height = bounds.Height + (2 * marginY);
        float[] pixels = ArrayPool<float>.Shared.Rent(4 * width * height);
        int plane = side * side;
        for (int y = 0; y < height; y++)
        {
            int row = Math.Clamp(top + y, 0, side - 1) * side;
            for (int x = 0; x < width; x++)
            {
                int from = row + Math.Clamp(left + x, 0, side - 1);
                int to = 4 * ((y * width) + x);
                for (int c = 0; c < 3; c++)
                {
                    pixels[to + c] = (ToLevel(face[(c * plane) + from]) * colours.Gain[c]) + colours.Offset[c];
                }
                pixels[to + 3] = 0;
            }
        }
        return new CubicSampler(pixels, width, left, top, stretchX, stretchY);
    }

    /// <summary>From [-1, 1] to 0..255, clamped.</summary>
    public static float ToLevel(float value) => Math.Clamp((value + 1) * 127.5f, 0, 255);

    /// <summary>pixel = round((1 - weight) · pixel + weight · sample at (x, y)).</summary>
    public void Blend(double x, double y, float weight, Span<byte> pixel)
    {
        Vector128<float> sample = At(x, y);
        for (int c = 0; c < 3; c++)
        {
            float value = pixel[c] + (weight * (sample.GetElement(c) - pixel[c]));
            pixel[c] = (byte)(Math.Clamp(value, 0, 255) + 0.5f);
        }
    }

    /// <summary>pixel = round(pixel + weight · (sample - sample of the face before)), both at (x, y): changes a pixel as another one
    /// changed.</summary>
    /// <param name="before">The face as it was; made with the same bounds and map.</param>
    /// <param name="x">Position in the face.</param>
    /// <param name="y">Position in the face.</param>
    /// <param name="weight">0..1.</param>
    /// <param name="pixel">Red, green, blue.</param>
    public void Shift(CubicSampler before, double x, double y, float weight, Span<byte> pixel)
    {
        Vector128<float> change = (At(x, y) - before.At(x, y)) * weight;
        for (int c = 0; c < 3; c++)
        {
            pixel[c] = (byte)(Math.Clamp(pixel[c] + change.GetElement(c), 0, 255) + 0.5f);
        }
    }

    private Vector128<float> At(double x, double y) =>
        _stretchX > 1 || _stretchY > 1 ? SampleWide(x - _left, y - _top) : Sample(x - _left, y - _top);

    /// <inheritdoc/>
    public void Dispose() => ArrayPool<float>.Shared.Return(_pixels);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<float> Sample(double x, double y)
    {
        int x0 = (int)x,
            y0 = (int)y; // the margin makes both positive
        Vector128<float> wx = Weights((float)(x - x0)),
            wy = Weights((float)(y - y0));
        ref float corner = ref MemoryMarshal.GetReference(_pixels.AsSpan(4 * (((y0 - 1) * _stride) + x0 - 1), (4 * 3 * _stride) + 16));
        Vector128<float> sum = Row(ref corner, wx) * wy[0];
        sum += Row(ref Unsafe.Add(ref corner, 4 * _stride), wx) * wy[1];
        sum += Row(ref Unsafe.Add(ref corner, 8 * _stride), wx) * wy[2];
        sum += Row(ref Unsafe.Add(ref corner, 12 * _stride), wx) * wy[3];
        return sum;

        static Vector128<float> Row(ref float first, Vector128<float> w) =>
            (Vector128.LoadUnsafe(ref first) * w[0])
            + (Vector128.LoadUnsafe(ref first, 4) * w[1])
            + (Vector128.LoadUnsafe(ref first, 8) * w[2])
            + (Vector128.LoadUnsafe(ref first, 12) * w[3]);
    }

    private Vector128<float> SampleWide(double x, double y)
    {
        int firstX = (int)Math.Ceiling(x - (2 * _stretchX)),
            lastX = (int)Math.Floor(x + (2 * _stretchX));
        int firstY = (int)Math.Ceiling(y - (2 * _stretchY)),
            lastY = (int)Math.Floor(y + (2 * _stretchY));
        Vector128<float> sum = Vector128<float>.Zero;
        float total = 0;
        for (int row = firstY; row <= lastY; row++)
        {
            float wy = Cubic((row - y) / _stretchY);
            for (int column = firstX; column <= lastX; column++)
            {
                float weight = wy * Cubic((column - x) / _stretchX);
                sum += Vector128.Create(_pixels, 4 * ((row * _stride) + column)) * weight;
                total += weight;
            }
        }
        return sum / total;
    }

    private static Vector128<float> Weights(float t) => Power0 + ((Power1 + ((Power2 + (Power3 * t)) * t)) * t);

    private static float Cubic(double x)
    {
        x = Math.Abs(x);
        return (float)(
            x < 1 ? (((1.5 * x) - 2.5) * x * x) + 1
            : x < 2 ? (((((-0.5 * x) + 2.5) * x) - 4) * x) + 2
            : 0
        );
    }
}
