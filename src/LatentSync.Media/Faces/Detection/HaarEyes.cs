using LatentSync.Media.Faces.Alignment;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Detection;

/// <summary>The centres of both eyes, found inside a face box.</summary>
/// <param name="Left">Eye on the picture's left, in pixels of the frame.</param>
/// <param name="Right">Eye on the picture's right.</param>
internal sealed record HaarEyes(FacePoint Left, FacePoint Right)
{
    // The box is searched at this width: the cascade's eyes are 20 pixels, a face's about a quarter of its box.
    private const int FaceWidth = 160;

    /// <summary>Searches the upper part of a box.</summary>
    /// <param name="cascade">The eye cascade.</param>
    /// <param name="grey">The frame in grey.</param>
    /// <param name="box">The face.</param>
    /// <returns>Null unless exactly the geometry of two eyes is there.</returns>
    public static HaarEyes? Find(CascadeClassifier cascade, Mat grey, FaceBox box)
    {
        var region = new Rect((int)box.Left, (int)(box.Top + (0.15 * box.Height)), (int)box.Width, (int)(0.45 * box.Height));
        region &= new Rect(0, 0, grey.Width, grey.Height);
        if (region.Width < 20 || region.Height < 10)
        {
            return null;
        }
        double scale = FaceWidth / box.Width;
        using var part = new Mat(grey, region);
        using var small = new Mat();
        var size = new Size(Math.Max(1, region.Width * scale), Math.Max(1, region.Height * scale));
        Cv2.Resize(part, small, size, 0, 0, scale < 1 ? InterpolationFlags.Area : InterpolationFlags.Cubic);
        Rect[] found = cascade.DetectMultiScale(small, 1.05, 4, HaarDetectionTypes.ScaleImage, new Size(24, 24), new Size(64, 64));
        FacePoint[] centres =
        [
            .. found.Select(r => new FacePoint(
                region.Left + ((r.Left + (r.Width / 2.0)) / scale) - 0.5,
                region.Top + ((r.Top + (r.Height / 2.0)) / scale) - 0.5
            )),
        ];
        return Pair(centres, box);
    }

    /// <summary>The pair that looks most like eyes: a distance of 0.28 to 0.52 of the box's width, tilted by less than 20 degrees, to both
    /// sides of the middle.</summary>
    internal static HaarEyes? Pair(ReadOnlySpan<FacePoint> centres, FaceBox box)
    {
        HaarEyes? best = null;
        double bestError = double.MaxValue;
        foreach (FacePoint left in centres)
        {
            foreach (FacePoint right in centres)
            {
                FacePoint across = right - left;
                double distance = across.Length / box.Width;
                FacePoint middle = FacePoint.Lerp(left, right, 0.5);
                double offCentre = Math.Abs(middle.X - box.Centre.X) / box.Width;
                double height = (middle.Y - box.Top) / box.Height;
                if (
                    across.X <= 0
                    || Math.Abs(across.Y) > 0.36 * across.X
                    || distance is < 0.28 or > 0.52
                    || offCentre > 0.15
                    || height is < 0.25 or > 0.52
                )
                {
                    continue;
                }
                double error = Math.Abs(distance - HaarTrack.EyeDistance) + offCentre + Math.Abs(height - HaarTrack.EyeHeight);
                if (error < bestError)
                {
                    (best, bestError) = (new HaarEyes(left, right), error);
                }
            }
        }
        return best;
    }
}
