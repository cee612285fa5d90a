using System.Runtime.InteropServices;
using LatentSync.Media.Faces.Alignment;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Detection;

/// <summary>Brows and nose by what is dark in a face: eyes and brows are dark bands, the nostrils a dark spot between cheeks.</summary>
/// <remarks>A head that nods moves brows and nose by a fifth of the distance of the eyes against them, and neither the cascade's box nor
/// the eyes tell. On 200 frames of a real clip the row of the nostrils lies 0.063 below the nose that the 68 points mean, with a deviation
/// of 0.010 where the nose itself moved by 0.046; rows of brows deviate by 0.05, which the track averages.</remarks>
internal static class HaarFeatures
{
    // The picture that is looked at: the eyes 100 pixels apart, the middle between them at (150, 100).
    private const int Unit = 100;
    private const int Width = 300;
    private const int Height = 260;
    private const int Middle = 150;
    private const int EyeRow = 100;

    private const double FineBlur = 3;
    private const double CoarseBlur = 14;
    private const double NostrilsBelowNose = 0.063;
    private const int BrowColumn = 57;
    private const float LeastContrast = 1; // grey levels of a row's mean
    private const float BandContrast = 0.3f;

    /// <summary>Looks for brows and nose.</summary>
    /// <param name="grey">The frame in grey.</param>
    /// <param name="eyes">About where the eyes are: a tenth of their distance off does no harm.</param>
    /// <returns>Null when a feature does not stand out.</returns>
    public static AlignmentPoints? Find(Mat grey, HaarEyes eyes)
    {
        AffineMatrix toFrame = FaceProportions.OntoEyes(eyes.Left, eyes.Right, Unit, new(Middle, EyeRow));
        if (!new FacePoint(toFrame.C, toFrame.F).IsFinite || !(new FacePoint(toFrame.A, toFrame.D).Length > 0.02))
        {
            return null;
        }
        Darkness dark = Darkness.Of(grey, toFrame);
        (int row, float contrast) = dark.DarkestRow(Middle - 25, Middle + 25, EyeRow + 20, EyeRow + 95);
        if (contrast < LeastContrast || Brow(dark, Middle - BrowColumn) is not { } left || Brow(dark, Middle + BrowColumn) is not { } right)
        {
            return null;
        }
        double nose = dark.MiddleColumn(Middle - 40, Middle + 40, row - 6, row + 7);
        // hair beside the face draws a brow's middle outwards or inwards: the distance is a face's, only the place is measured
        double centre = Math.Clamp((left.X + right.X) / 2, Middle - 25, Middle + 25);
        double half = FaceProportions.BrowDistance / 2 * Unit;
        var points = new AlignmentPoints(
            new(centre - half, left.Y),
            new(centre + half, right.Y),
            new(nose, row - (NostrilsBelowNose * Unit))
        );
        return points.Transform(toFrame);
    }

    /// <summary>The dark band above an eye; the eye's own row is searched first. Hair further up is darker still, so the first band
    /// counts.</summary>
    private static FacePoint? Brow(Darkness dark, int column)
    {
        (int eye, float _) = dark.DarkestRow(column - 28, column + 28, EyeRow - 13, EyeRow + 16);
        (int row, float contrast) = dark.LowestBand(column - 28, column + 28, Math.Max(8, eye - 55), eye - 18);
        // what is darkest at the search's upper end is hair
        return contrast < LeastContrast || row <= Math.Max(8, eye - 55) + 1
            ? null
            : new FacePoint(dark.MiddleColumn(column - 40, column + 40, row - 5, row + 6), row);
    }

    /// <summary>How much darker each pixel is than its surroundings, in grey levels.</summary>
    private readonly struct Darkness
    {
        private readonly float[] _levels;

        private Darkness(float[] levels) => _levels = levels;

        public static Darkness Of(Mat grey, AffineMatrix toFrame)
        {
            using Mat matrix = Mat.FromPixelData(
                2,
                3,
                MatType.CV_64FC1,
                new[] { toFrame.A, toFrame.B, toFrame.C, toFrame.D, toFrame.E, toFrame.F }
            );
            using var patch = new Mat();
            using var fine = new Mat();
            using var coarse = new Mat();
            const InterpolationFlags flags = InterpolationFlags.Linear | InterpolationFlags.WarpInverseMap;
            Cv2.WarpAffine(grey, patch, matrix, new Size(Width, Height), flags, BorderTypes.Replicate);
            patch.ConvertTo(patch, MatType.CV_32FC1);
            Cv2.GaussianBlur(patch, fine, new Size(0, 0), FineBlur);
            Cv2.GaussianBlur(patch, coarse, new Size(0, 0), CoarseBlur);
            using Mat difference = coarse - fine;
            float[] levels = new float[Width * Height];
            Marshal.Copy(difference.Data, levels, 0, levels.Length);
            return new Darkness(levels);
        }

        /// <summary>The row whose mean between two columns is darkest, and that mean.</summary>
        public (int Row, float Mean) DarkestRow(int left, int right, int first, int end)
        {
            (int Row, float Mean) best = (first, float.MinValue);
            for (int row = first; row < end; row++)
            {
                float mean = Mean(left, right, row);
                best = mean > best.Mean ? (row, mean) : best;
            }
            return best;
        }

        /// <summary>The lowest row that is darker than those beside it, among those a good part as dark as the darkest.</summary>
        public (int Row, float Mean) LowestBand(int left, int right, int first, int end)
        {
            (int Row, float Mean) darkest = DarkestRow(left, right, first, end);
            for (int row = end - 1; row > first; row--)
            {
                float mean = Mean(left, right, row);
                bool stands = mean >= Mean(left, right, row - 1) && mean >= Mean(left, right, row + 1);
                if (stands && mean >= LeastContrast && mean >= BandContrast * darkest.Mean)
                {
                    return (row, mean);
                }
            }
            return darkest;
        }

        private float Mean(int left, int right, int row)
        {
            float sum = 0;
            for (int x = left; x < right; x++)
            {
                sum += _levels[(row * Width) + x];
            }
            return sum / (right - left);
        }

        /// <summary>The middle of what is dark in a band of rows.</summary>
        public double MiddleColumn(int left, int right, int first, int end)
        {
            double weights = 0,
                sum = 0;
            for (int x = left; x < right; x++)
            {
                double column = 0;
                for (int row = first; row < end; row++)
                {
                    column += _levels[(row * Width) + x];
                }
                weights += Math.Max(0, column);
                sum += Math.Max(0, column) * x;
            }
            return weights > 0 ? sum / weights : (left + right) / 2.0;
        }
    }
}
