using LatentSync.Media.Faces.Alignment;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Detection;

/// <summary>How a head moved between two frames, by optical flow of the upper face.</summary>
internal static class HeadMotion
{
    private const int PatchSide = 256;
    private const int MaxFeatures = 80;
    private const int MinFeatures = 10;
    private const double MaxResidual = 1.5; // pixels of the patch: about 1 % of the face's width

    /// <summary>The similarity transform from the previous frame to the current one.</summary>
    /// <param name="previous">Grey picture.</param>
    /// <param name="current">Grey picture of the same size.</param>
    /// <param name="box">The face in the previous frame.</param>
    /// <param name="points">Its points: features are taken from around brows, eyes and nose; mouth and jaw move by themselves.</param>
    /// <returns>Null when the pictures have too little in common: a cut, a blur, something before the face.</returns>
    public static AffineMatrix? Estimate(Mat previous, Mat current, FaceBox box, AlignmentPoints points)
    {
        double side = 1.6 * box.Width;
        var toPatch = new AffineMatrix(
            PatchSide / side,
            0,
            (-(box.Centre.X - (side / 2)) * PatchSide / side) - 0.5,
            0,
            PatchSide / side,
            (-(box.Centre.Y - (side / 2)) * PatchSide / side) - 0.5
        );
        using Mat before = Patch(previous, toPatch);
        using Mat after = Patch(current, toPatch);
        using Mat where = UpperFace(points.Transform(toPatch));
        Point2f[] features = Cv2.GoodFeaturesToTrack(before, MaxFeatures, 0.01, 4, where, 3, false, 0.04);
        if (features.Length < MinFeatures)
        {
            return null;
        }
        var moved = new Point2f[features.Length];
        Cv2.CalcOpticalFlowPyrLK(before, after, features, ref moved, out byte[] found, out _, new Size(21, 21), 3);
        FacePoint[] from = [.. features.Where((_, i) => found[i] != 0).Select(p => new FacePoint(p.X, p.Y))];
        FacePoint[] to = [.. moved.Where((_, i) => found[i] != 0).Select(p => new FacePoint(p.X, p.Y))];
        AffineMatrix? motion = RobustSimilarity.Fit(from, to, MaxResidual, Math.Max(MinFeatures, features.Length / 2));
        if (motion is not { } map || Math.Sqrt(map.Determinant) is < 0.85 or > 1.18)
        {
            return null;
        }
        return toPatch.Then(map).Then(toPatch.Invert());
    }

    private static Mat Patch(Mat frame, AffineMatrix toPatch)
    {
        var patch = new Mat();
        using Mat matrix = Mat.FromPixelData(
            2,
            3,
            MatType.CV_64FC1,
            new[] { toPatch.A, toPatch.B, toPatch.C, toPatch.D, toPatch.E, toPatch.F }
        );
        Cv2.WarpAffine(frame, patch, matrix, new Size(PatchSide, PatchSide), InterpolationFlags.Linear, BorderTypes.Replicate);
        return patch;
    }

    /// <summary>A mask over brows, eyes and nose.</summary>
    private static Mat UpperFace(AlignmentPoints p)
    {
        FacePoint across = (p.RightBrow - p.LeftBrow) * 0.3;
        FacePoint up = (FacePoint.Lerp(p.LeftBrow, p.RightBrow, 0.5) - p.Nose) * 0.25;
        FacePoint[] corners =
        [
            p.LeftBrow - across + up,
            p.RightBrow + across + up,
            p.Nose + (across * 1.6) - (up * 0.5),
            p.Nose - (across * 1.6) - (up * 0.5),
        ];
        Mat mask = Mat.Zeros(PatchSide, PatchSide, MatType.CV_8UC1);
        Cv2.FillConvexPoly(mask, corners.Select(c => new Point((int)c.X, (int)c.Y)), Scalar.White);
        return mask;
    }
}
