using OpenCvSharp;

namespace LatentSync.Media.Faces.Masks;

/// <summary>The weight of the generated face per pixel of the square: the inverted mask with a soft edge, 0 wherever the mask
/// keeps.</summary>
internal sealed class PasteWeights
{
    private PasteWeights(int side, float[] values, float[] rim, Rect bounds)
    {
        Side = side;
        Values = values;
        Rim = rim;
        Bounds = bounds;
    }

    /// <summary>Side of the square in pixels.</summary>
    public int Side { get; }

    /// <summary>(Side, Side): 0 frame, 1 generated face.</summary>
    public float[] Values { get; }

    /// <summary>(Side, Side): 1 at the generated region's edge, falling to 0 at twice the feather inside; 0 outside. Where colours are
    /// compared.</summary>
    public float[] Rim { get; }

    /// <summary>Smallest rectangle with all positive weights; empty when there are none.</summary>
    public Rect Bounds { get; }

    /// <summary>Makes the weights of a mask.</summary>
    /// <param name="mask">255 keep, 0 generate.</param>
    /// <param name="feather">Width of the soft edge in pixels of the square; 0 for a hard one.</param>
    public static PasteWeights Create(FaceMask mask, double feather)
    {
        int side = mask.Resolution;
        float[] distance = DistanceToKept(mask);
        float[] values = new float[side * side];
        float[] rim = new float[side * side];
        int left = side,
            top = side,
            right = -1,
            bottom = -1;
        double rimWidth = Math.Max(2 * feather, 2);
        for (int i = 0; i < values.Length; i++)
        {
            if (distance[i] <= 0)
            {
                continue;
            }
            // The outermost generated pixels have distance 1; the edge lies half a pixel outside their centres.
            double inside = distance[i] - 0.5;
            double soft = feather > 0 ? SmoothStep(inside / feather) : 1;
            values[i] = (float)Math.Min(soft, 1 - (mask.Values[i] / 255.0));
            rim[i] = (float)Math.Max(0, 1 - (inside / rimWidth));
            if (values[i] > 0)
            {
                (left, right) = (Math.Min(left, i % side), Math.Max(right, i % side));
                (top, bottom) = (Math.Min(top, i / side), Math.Max(bottom, i / side));
            }
        }
        Rect bounds = right < 0 ? new Rect() : new Rect(left, top, right - left + 1, bottom - top + 1);
        return new PasteWeights(side, values, rim, bounds);
    }

    /// <summary>Bilinear sample; 0 outside the square.</summary>
    public float Sample(double x, double y)
    {
        int x0 = (int)Math.Floor(x),
            y0 = (int)Math.Floor(y);
        float fx = (float)(x - x0),
            fy = (float)(y - y0);
        if (x0 >= 0 && y0 >= 0 && x0 + 1 < Side && y0 + 1 < Side)
        {
            int i = (y0 * Side) + x0;
            float upper = Values[i] + (fx * (Values[i + 1] - Values[i]));
            float lower = Values[i + Side] + (fx * (Values[i + Side + 1] - Values[i + Side]));
            return upper + (fy * (lower - upper));
        }
        float top = Tap(x0, y0) + (fx * (Tap(x0 + 1, y0) - Tap(x0, y0)));
        float bottom = Tap(x0, y0 + 1) + (fx * (Tap(x0 + 1, y0 + 1) - Tap(x0, y0 + 1)));
        return top + (fy * (bottom - top));
    }

    private float Tap(int x, int y) => (uint)x < (uint)Side && (uint)y < (uint)Side ? Values[(y * Side) + x] : 0;

    private static double SmoothStep(double t)
    {
        t = Math.Clamp(t, 0, 1);
        return t * t * (3 - (2 * t));
    }

    /// <summary>Euclidean distance in pixels to the nearest kept pixel; what lies outside the square counts as kept.</summary>
    private static unsafe float[] DistanceToKept(FaceMask mask)
    {
        int side = mask.Resolution,
            padded = side + 2;
        byte[] generated = new byte[padded * padded];
        for (int i = 0; i < mask.Values.Length; i++)
        {
            generated[(((i / side) + 1) * padded) + (i % side) + 1] = (byte)(mask.Values[i] < 128 ? 1 : 0);
        }
        float[] distance = new float[padded * padded];
        fixed (byte* from = generated)
        fixed (float* to = distance)
        {
            using Mat source = Mat.FromPixelData(padded, padded, MatType.CV_8UC1, (nint)from);
            using Mat target = Mat.FromPixelData(padded, padded, MatType.CV_32FC1, (nint)to);
            Cv2.DistanceTransform(source, target, DistanceTypes.L2, DistanceTransformMasks.Precise);
        }
        float[] inner = new float[side * side];
        for (int row = 0; row < side; row++)
        {
            distance.AsSpan(((row + 1) * padded) + 1, side).CopyTo(inner.AsSpan(row * side));
        }
        return inner;
    }
}
