using System.Numerics;
using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Detection;

/// <summary>Runs a <see cref="ShapeModel"/> on a grey picture.</summary>
/// <remarks>In single precision as dlib does, so that the same pixels are compared: on the same picture and box the points agree with
/// dlib's own after rounding (measured on 200 frames).</remarks>
internal sealed class ShapeRegression
{
    private readonly ShapeModel _model;
    private readonly float[] _shape;
    private readonly float[] _pixels;

    /// <summary>Makes a runner. For one thread at a time.</summary>
    /// <param name="model">What to run.</param>
    public ShapeRegression(ShapeModel model)
    {
        _model = model;
        _shape = new float[model.MeanShape.Length];
        _pixels = new float[model.Stages.Max(stage => stage.Anchors.Length)];
    }

    /// <summary>The points of the face in a box.</summary>
    /// <param name="grey">The picture, row by row without gaps.</param>
    /// <param name="width">Its width in pixels.</param>
    /// <param name="box">From the unit square of the box to pixels of the picture; pixels outside the picture count as black.</param>
    /// <param name="points">Filled: as many as the model has, in pixels of the picture.</param>
    public void Fit(ReadOnlySpan<byte> grey, int width, AffineMatrix box, Span<FacePoint> points)
    {
        int height = grey.Length / width;
        _model.MeanShape.CopyTo(_shape, 0);
        foreach (ShapeStage stage in _model.Stages)
        {
            Sample(stage, grey, width, height, box);
            Move(stage);
        }
        for (int i = 0; i < points.Length; i++)
        {
            points[i] = box.Apply(new(_shape[2 * i], _shape[(2 * i) + 1]));
        }
    }

    private void Sample(ShapeStage stage, ReadOnlySpan<byte> grey, int width, int height, AffineMatrix box)
    {
        (float cos, float sin) = Turn(_model.MeanShape, _shape);
        for (int i = 0; i < stage.Anchors.Length; i++)
        {
            float dx = stage.Offsets[2 * i],
                dy = stage.Offsets[(2 * i) + 1];
            int anchor = 2 * stage.Anchors[i];
            float x = (cos * dx) - (sin * dy) + _shape[anchor],
                y = (sin * dx) + (cos * dy) + _shape[anchor + 1];
            FacePoint at = box.Apply(new(x, y));
            double column = Math.Floor(at.X + 0.5),
                row = Math.Floor(at.Y + 0.5);
            bool inside = column >= 0 && column < width && row >= 0 && row < height;
            _pixels[i] = inside ? grey[((int)row * width) + (int)column] : 0;
        }
    }

    private void Move(ShapeStage stage)
    {
        int splits = stage.SplitsPerTree,
            size = _shape.Length;
        for (int tree = 0; tree < stage.Trees; tree++)
        {
            int first = tree * splits,
                node = 0;
            while (node < splits)
            {
                int split = first + node;
                float difference = _pixels[stage.First[split]] - _pixels[stage.Second[split]];
                node = (2 * node) + (difference > stage.Thresholds[split] ? 1 : 2);
            }
            int leaf = (tree * (splits + 1)) + node - splits;
            Add(_shape, stage.Leaves.AsSpan(leaf * size, size));
        }
    }

    private static void Add(Span<float> to, ReadOnlySpan<float> what)
    {
        int i = 0;
        for (; i <= to.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            (new Vector<float>(to[i..]) + new Vector<float>(what[i..])).CopyTo(to[i..]);
        }
        for (; i < to.Length; i++)
        {
            to[i] += what[i];
        }
    }

    /// <summary>Turn and size of the similarity transform that best takes one shape to the other.</summary>
    private static (float Cos, float Sin) Turn(ReadOnlySpan<float> from, ReadOnlySpan<float> to)
    {
        int count = from.Length / 2;
        double fx = 0,
            fy = 0,
            tx = 0,
            ty = 0;
        for (int i = 0; i < count; i++)
        {
            fx += from[2 * i];
            fy += from[(2 * i) + 1];
            tx += to[2 * i];
            ty += to[(2 * i) + 1];
        }
        double along = 0,
            across = 0,
            squares = 0;
        for (int i = 0; i < count; i++)
        {
            double ax = from[2 * i] - (fx / count),
                ay = from[(2 * i) + 1] - (fy / count),
                bx = to[2 * i] - (tx / count),
                by = to[(2 * i) + 1] - (ty / count);
            along += (ax * bx) + (ay * by);
            across += (ax * by) - (ay * bx);
            squares += (ax * ax) + (ay * ay);
        }
        return squares > 0 ? ((float)(along / squares), (float)(across / squares)) : (1, 0);
    }
}
