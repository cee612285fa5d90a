using System.Buffers;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Masks;
using LatentSync.Media.Video.Reading;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Compositing;

/// <summary>Pastes the generated part of a face into its frame, and nothing else.</summary>
/// <remarks>Unlike the original, which resamples the whole aligned rectangle twice: only pixels where the mask says "generate" change, all
/// others stay bit-exact; and the face is resampled once, from the square straight into the frame, by cubic convolution (widened when the
/// face is smaller in the frame than in the square). Where the crop reached beyond the frame, its grey stains the outermost pixels of the
/// face: up to the frame's border, these change by as much as the nearest clean ones do. Immutable; one instance serves any number of
/// threads.</remarks>
public sealed class FaceCompositor
{
    // Grey from outside the frame spreads by the crop's bilinear and Lanczos-4 taps and by the cubic's: 4 pixels of the square.
    private const double BorderTaint = 4;

    private readonly PasteWeights _weights;
    private readonly bool _matchColour;

    /// <summary>Makes a compositor for one mask.</summary>
    /// <param name="template">Gives the crop's size.</param>
    /// <param name="mask">What is generated; of the template's resolution.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentException">Mask and template differ in resolution, or an option is out of range.</exception>
    public FaceCompositor(FaceTemplate template, FaceMask mask, FaceCompositorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(template);
        ArgumentNullException.ThrowIfNull(mask);
        options ??= new FaceCompositorOptions();
        if (mask.Resolution != template.Resolution)
        {
            throw new ArgumentException(
                $"The mask has resolution {mask.Resolution}, but the faces have {template.Resolution}.",
                nameof(mask)
            );
        }
        if (options.Feather is not (>= 0 and <= 0.25))
        {
            throw new ArgumentException(
                $"The feather must be a fraction from 0 to 0.25 of the picture's side, but is {options.Feather}.",
                nameof(options)
            );
        }
        Template = template;
        _weights = PasteWeights.Create(mask, options.Feather * template.Resolution);
        _matchColour = options.MatchColour;
    }

    /// <summary>Gives the sizes.</summary>
    public FaceTemplate Template { get; }

    /// <summary>Pastes a generated face into a copy of the frame.</summary>
    /// <param name="frame">The frame. Not modified.</param>
    /// <param name="original">The face as it was cut out of this frame.</param>
    /// <param name="face">(3, R, R): planes of red, green, blue in [-1, 1]; values beyond are clamped. What it holds where the mask keeps
    /// is ignored.</param>
    public VideoFrame Paste(VideoFrame frame, AlignedFace original, ReadOnlySpan<float> face)
    {
        ArgumentNullException.ThrowIfNull(frame);
        VideoFrame result = frame.Clone();
        PasteInto(result, original, face);
        return result;
    }

    /// <summary>Pastes a generated face into a copy of the frame.</summary>
    /// <param name="frame">The frame. Not modified.</param>
    /// <param name="original">The face as it was cut out of this frame.</param>
    /// <param name="face">R x R pixels.</param>
    public VideoFrame Paste(VideoFrame frame, AlignedFace original, FaceImage face)
    {
        ArgumentNullException.ThrowIfNull(face);
        return Paste(frame, original, Planes(face));
    }

    private static float[] Planes(FaceImage face)
    {
        float[] planes = new float[face.Rgb.Length];
        face.CopyToPlanes(planes);
        return planes;
    }

    /// <summary>Pastes a generated face into a frame that already holds the original pixels (a pooled copy, or the frame itself when it is
    /// not needed any more).</summary>
    /// <param name="target">Holds the original frame; the generated region is overwritten.</param>
    /// <param name="original">The face as it was cut out of this frame.</param>
    /// <param name="face">(3, R, R): planes of red, green, blue in [-1, 1].</param>
    /// <exception cref="ArgumentException">The face has another size.</exception>
    public void PasteInto(VideoFrame target, AlignedFace original, ReadOnlySpan<float> face)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(original);
        int pixels = Template.Resolution * Template.Resolution;
        if (face.Length != 3 * pixels)
        {
            throw new ArgumentException(
                $"A face of 3x{Template.Resolution}x{Template.Resolution} values is required, but {face.Length} were given.",
                nameof(face)
            );
        }
        Placement place = Place(original.Matrix, target.Width, target.Height);
        if (place.Region.Width <= 0 || place.Region.Height <= 0)
        {
            return;
        }
        ColourMatch colours = _matchColour ? MeasureColours(face, original.Square) : ColourMatch.None;
        using CubicSampler sampler = CubicSampler.Create(face, Template.Resolution, _weights.Bounds, place.ToSquare, colours);
        using CubicSampler? before = place.Tainted is null
            ? null
            : CubicSampler.Create(Planes(original.Square), Template.Resolution, _weights.Bounds, place.ToSquare, ColourMatch.None);
        for (int y = place.Region.Top; y < place.Region.Bottom; y++)
        {
            Span<byte> row = target.Rgb.AsSpan(3 * y * target.Width, 3 * target.Width);
            for (int x = place.Region.Left; x < place.Region.Right; x++)
            {
                float weight = place.WeightAt(x, y, out double u, out double v);
                if (weight <= 0)
                {
                    continue;
                }
                if (place.Clean(x, y, ref u, ref v))
                {
                    sampler.Shift(before!, u, v, weight, row.Slice(3 * x, 3));
                }
                else
                {
                    sampler.Blend(u, v, weight, row.Slice(3 * x, 3));
                }
            }
        }
    }

    /// <summary>The weight that the generated face has in each pixel of a frame: 0 where <see cref="PasteInto"/> changes nothing.</summary>
    /// <param name="matrix">Map from frame pixels to crop pixels.</param>
    /// <param name="width">Width of the frame in pixels.</param>
    /// <param name="height">Height of the frame in pixels.</param>
    /// <param name="weights">(height, width), written completely.</param>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    public void CopyWeights(AffineMatrix matrix, int width, int height, Span<float> weights)
    {
        if (weights.Length != (long)width * height)
        {
            throw new ArgumentException(
                $"A frame of {width}x{height} pixels has {(long)width * height} weights, but the destination has {weights.Length}.",
                nameof(weights)
            );
        }
        weights.Clear();
        Placement place = Place(matrix, width, height);
        for (int y = place.Region.Top; y < place.Region.Bottom; y++)
        {
            for (int x = place.Region.Left; x < place.Region.Right; x++)
            {
                weights[(y * width) + x] = place.WeightAt(x, y, out _, out _);
            }
        }
    }

    private Placement Place(AffineMatrix matrix, int width, int height)
    {
        AffineMatrix toSquare = matrix.Then(Template.CropToSquare);
        double tainted = BorderTaint / Math.Max(toSquare.ScaleX, toSquare.ScaleY);
        return new Placement(
            _weights,
            toSquare,
            RegionInFrame(toSquare, width, height),
            width,
            height,
            ReachesBeyond(toSquare, width, height) ? tainted : null
        );
    }

    /// <summary>Where the face lies in one frame.</summary>
    /// <param name="Weights">Of the square.</param>
    /// <param name="ToSquare">From the frame's pixels to the square's.</param>
    /// <param name="Region">Pixels of the frame that a positive weight can reach.</param>
    /// <param name="Width">Of the frame.</param>
    /// <param name="Height">Of the frame.</param>
    /// <param name="Tainted">Distance from the frame's border, in its pixels, that the grey beyond it reaches; null when the crop lies
    /// inside the frame.</param>
    private readonly record struct Placement(
        PasteWeights Weights,
        AffineMatrix ToSquare,
        Rect Region,
        int Width,
        int Height,
        double? Tainted
    )
    {
        /// <summary>The weight of the generated face in a pixel of the frame, and where in the square the pixel lies.</summary>
        public float WeightAt(int x, int y, out double u, out double v)
        {
            (u, v) = (U(x, y), V(x, y));
            return Weights.Sample(u, v);
        }

        /// <summary>Moves a position in the square to the nearest clean one.</summary>
        /// <returns>Whether the pixel of the frame is a stained one.</returns>
        public bool Clean(int x, int y, ref double u, ref double v)
        {
            if (Tainted is not { } tainted)
            {
                return false;
            }
            double cleanX = Inside(x, Width, tainted),
                cleanY = Inside(y, Height, tainted);
            if (cleanX == x && cleanY == y)
            {
                return false;
            }
            u = Math.Clamp(U(cleanX, cleanY), Weights.Bounds.Left - 1, Weights.Bounds.Right);
            v = Math.Clamp(V(cleanX, cleanY), Weights.Bounds.Top - 1, Weights.Bounds.Bottom);
            return true;
        }

        private double U(double x, double y) => (ToSquare.A * x) + (ToSquare.B * y) + ToSquare.C;

        private double V(double x, double y) => (ToSquare.D * x) + (ToSquare.E * y) + ToSquare.F;

        private static double Inside(int position, int size, double tainted)
        {
            double nearest = Math.Min(tainted, (size - 1) / 2.0);
            return Math.Clamp(position, nearest, size - 1 - nearest);
        }
    }

    /// <summary>The frame's pixels that a positive weight can reach.</summary>
    private Rect RegionInFrame(AffineMatrix toSquare, int width, int height)
    {
        Rect bounds = _weights.Bounds;
        if (bounds.Width == 0)
        {
            return default;
        }
        AffineMatrix back = toSquare.Invert();
        double left = double.MaxValue,
            top = double.MaxValue,
            right = double.MinValue,
            bottom = double.MinValue;
        foreach (
            FacePoint corner in (ReadOnlySpan<FacePoint>)
                [
                    new(bounds.Left - 1, bounds.Top - 1),
                    new(bounds.Right, bounds.Top - 1),
                    new(bounds.Left - 1, bounds.Bottom),
                    new(bounds.Right, bounds.Bottom),
                ]
        )
        {
            FacePoint p = back.Apply(corner);
            (left, right) = (Math.Min(left, p.X), Math.Max(right, p.X));
            (top, bottom) = (Math.Min(top, p.Y), Math.Max(bottom, p.Y));
        }
        int x0 = (int)Math.Floor(Math.Clamp(left, 0, width)),
            x1 = (int)Math.Ceiling(Math.Clamp(right + 1, 0, width));
        int y0 = (int)Math.Floor(Math.Clamp(top, 0, height)),
            y1 = (int)Math.Ceiling(Math.Clamp(bottom + 1, 0, height));
        return new Rect(x0, y0, x1 - x0, y1 - y0);
    }

    private bool ReachesBeyond(AffineMatrix toSquare, int width, int height)
    {
        AffineMatrix back = toSquare.Invert();
        int last = Template.Resolution - 1;
        foreach (FacePoint corner in (ReadOnlySpan<FacePoint>)[new(0, 0), new(last, 0), new(0, last), new(last, last)])
        {
            FacePoint p = back.Apply(corner);
            if (!(p.X >= 0 && p.Y >= 0 && p.X <= width - 1 && p.Y <= height - 1))
            {
                return true;
            }
        }
        return false;
    }

    private ColourMatch MeasureColours(ReadOnlySpan<float> face, FaceImage original)
    {
        int pixels = _weights.Rim.Length;
        float[] packed = ArrayPool<float>.Shared.Rent(3 * pixels);
        try
        {
            for (int i = 0; i < pixels; i++)
            {
                for (int c = 0; c < 3; c++)
                {
                    // rounded, so that a face made from the original's bytes compares as exactly equal
                    packed[(3 * i) + c] = MathF.Round(CubicSampler.ToLevel(face[(c * pixels) + i]));
                }
            }
            return ColourMatch.Measure(packed.AsSpan(0, 3 * pixels), original.Rgb, _weights.Rim);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(packed);
        }
    }
}
