using System.Runtime.InteropServices;
using LatentSync.Media.Faces.Alignment;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Detection;

/// <summary>Measures a face's points with a model of regression trees, from any detector's idea of where the face is.</summary>
/// <remarks>The trees were trained on boxes of dlib's own detector. No other detector has these, but a face whose points are known has: the
/// box in which the mean face lies on the points. So the trees run twice, first on a box that the detector's implies, then on boxes around
/// the one that the first answer implies, and the answers are averaged. On a clip of 200 frames with dlib's own points, over the distance
/// of the eyes: mean error 0.010 from Haar's box, and less trembling than dlib's own points have (1.9 against 2.3 pixels).</remarks>
internal sealed class ShapePoints
{
    /// <summary>Largest <see cref="ShapeReading.Spread"/> that is believed.</summary>
    public const double LargestSpread = 0.08;

    // Side of the face's box in the picture that the trees see, in pixels, and how much is seen around it.
    private const int BoxSide = 150;
    private const double Margin = 0.5;

    // The boxes of the second run: a spiral of this reach in parts of the box's side, with sizes and turns that vary.
    private const int Boxes = 8;
    private const double Reach = 0.03;
    private const double SizeReach = 0.04;
    private const double TurnReach = 0.05;
    private const double GoldenAngle = 2.399963;

    // The eyes of the mean face of 300-W, in its box: the middle between them is at (0.5, 0.315).
    private const double EyeDistance = 0.411;
    private const double EyeHeight = 0.315;

    private static readonly AffineMatrix[] Variations = [.. Enumerable.Range(0, Boxes).Select(Variation)];

    private readonly ShapeModel _model;
    private readonly ShapeRegression _regression;
    private readonly FacePoint[] _mean;

    /// <summary>Opens the model.</summary>
    /// <param name="path">The .dat file.</param>
    /// <exception cref="FaceException">The file is missing or no such model.</exception>
    public ShapePoints(string path)
        : this(ShapeModelFile.Read(path)) => Path = path;

    /// <summary>Takes a model.</summary>
    /// <param name="model">Of 68 points.</param>
    public ShapePoints(ShapeModel model)
    {
        _model = model;
        _regression = new ShapeRegression(model);
        _mean = [.. model.MeanShape.Chunk(2).Select(pair => new FacePoint(pair[0], pair[1]))];
    }

    /// <summary>The file; empty for a model that came from none.</summary>
    public string Path { get; } = string.Empty;

    /// <summary>The box that the centres of both eyes imply.</summary>
    /// <param name="leftEye">Eye on the picture's left, in pixels of the frame.</param>
    /// <param name="rightEye">Eye on the picture's right.</param>
    public static AffineMatrix BoxFromEyes(FacePoint leftEye, FacePoint rightEye) =>
        FaceProportions.OntoEyes(leftEye, rightEye, EyeDistance, new(0.5, EyeHeight));

    /// <summary>Measures a face.</summary>
    /// <param name="grey">The frame in grey, 8 bits.</param>
    /// <param name="guess">From the unit square to pixels of the frame: where the face's box is about.</param>
    /// <returns>Null where the answers contradict each other or the guess: there is no face that the trees know.</returns>
    public ShapeReading? Measure(Mat grey, AffineMatrix guess)
    {
        double side = Math.Sqrt(Math.Abs(guess.Determinant));
        if (!double.IsFinite(side) || side < 8 || !new FacePoint(guess.C, guess.F).IsFinite)
        {
            return null;
        }
        if (Cut(grey, guess, side) is not { } picture)
        {
            return null;
        }
        var points = new FacePoint[_model.PointCount];
        _regression.Fit(picture.Pixels, picture.Width, guess.Then(picture.FromFrame), points);
        if (BoxOf(points) is not { } box)
        {
            return null;
        }
        double size = Math.Sqrt(Math.Abs(box.Determinant)) / Math.Sqrt(Math.Abs(guess.Then(picture.FromFrame).Determinant));
        if (!(size is > 0.6 and < 1.6))
        {
            return null;
        }
        return Average(picture, box);
    }

    private ShapeReading? Average(Picture picture, AffineMatrix box)
    {
        var sum = new FacePoint[_model.PointCount];
        var points = new FacePoint[_model.PointCount];
        var answers = new AlignmentPoints[Boxes];
        for (int i = 0; i < Boxes; i++)
        {
            _regression.Fit(picture.Pixels, picture.Width, Variations[i].Then(box), points);
            answers[i] = FaceProportions.From68(points);
            for (int k = 0; k < sum.Length; k++)
            {
                sum[k] += points[k] * (1.0 / Boxes);
            }
        }
        AlignmentPoints mean = FaceProportions.From68(sum);
        if (BoxOf(sum) is not { } found)
        {
            return null;
        }
        double eyes = EyeDistance * Math.Sqrt(Math.Abs(found.Determinant));
        double squares = answers.Average(a =>
            Square(a.LeftBrow - mean.LeftBrow) + Square(a.RightBrow - mean.RightBrow) + Square(a.Nose - mean.Nose)
        );
        double spread = Math.Sqrt(squares / 3) / eyes;
        AffineMatrix toFrame = picture.FromFrame.Invert();
        AlignmentPoints inFrame = mean.Transform(toFrame);
        return spread <= LargestSpread && inFrame.IsUsable && Math.Abs(found.Determinant) > 1
            ? new ShapeReading(inFrame, found.Then(toFrame), spread)
            : null;

        static double Square(FacePoint v) => (v.X * v.X) + (v.Y * v.Y);
    }

    /// <summary>The box in which the mean face lies on these points; null when they coincide.</summary>
    private AffineMatrix? BoxOf(ReadOnlySpan<FacePoint> points) => RobustSimilarity.Fit(_mean, points, double.MaxValue, 2);

    /// <summary>The surroundings of a box, resized so that the box has <see cref="BoxSide"/> pixels.</summary>
    private static Picture? Cut(Mat grey, AffineMatrix box, double side)
    {
        FacePoint[] corners = [.. ((FacePoint[])[new(0, 0), new(1, 0), new(0, 1), new(1, 1)]).Select(box.Apply)];
        double margin = Margin * side;
        double left = Math.Floor(corners.Min(c => c.X) - margin),
            top = Math.Floor(corners.Min(c => c.Y) - margin),
            right = Math.Ceiling(corners.Max(c => c.X) + margin),
            bottom = Math.Ceiling(corners.Max(c => c.Y) + margin);
        var region = Rect.FromLTRB(
            (int)Math.Clamp(left, 0, grey.Width),
            (int)Math.Clamp(top, 0, grey.Height),
            (int)Math.Clamp(right, 0, grey.Width),
            (int)Math.Clamp(bottom, 0, grey.Height)
        );
        double scale = BoxSide / side;
        int width = (int)Math.Round(region.Width * scale),
            height = (int)Math.Round(region.Height * scale);
        if (width < 8 || height < 8 || region.Width < 4 || region.Height < 4)
        {
            return null;
        }
        using var part = new Mat(grey, region);
        using var resized = new Mat();
        Cv2.Resize(part, resized, new Size(width, height), 0, 0, scale < 1 ? InterpolationFlags.Area : InterpolationFlags.Cubic);
        byte[] pixels = new byte[width * height];
        Marshal.Copy(resized.Data, pixels, 0, pixels.Length);
        AffineMatrix fromFrame = new AffineMatrix(1, 0, -region.Left, 0, 1, -region.Top).Then(
            AffineMatrix.Resize((double)width / region.Width, (double)height / region.Height)
        );
        return new Picture(pixels, width, fromFrame);
    }

    /// <summary>A map of the unit square about its middle: the first changes nothing, the others shift, resize and turn it.</summary>
    private static AffineMatrix Variation(int index)
    {
        if (index == 0)
        {
            return AffineMatrix.Identity;
        }
        double angle = GoldenAngle * (index - 1),
            reach = Reach * Math.Sqrt((double)index / (Boxes - 1)),
            size = 1 + (SizeReach * Math.Cos((1.7 * (index - 1)) + 0.3)),
            turn = TurnReach * Math.Sin((2.3 * (index - 1)) + 0.9);
        double cos = size * Math.Cos(turn),
            sin = size * Math.Sin(turn);
        var map = new AffineMatrix(cos, -sin, 0, sin, cos, 0);
        FacePoint shift = new FacePoint(0.5 + (reach * Math.Cos(angle)), 0.5 + (reach * Math.Sin(angle))) - map.Apply(new(0.5, 0.5));
        return map with { C = shift.X, F = shift.Y };
    }

    private readonly record struct Picture(byte[] Pixels, int Width, AffineMatrix FromFrame);
}
