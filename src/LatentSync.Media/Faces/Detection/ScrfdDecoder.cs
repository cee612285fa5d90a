namespace LatentSync.Media.Faces.Detection;

/// <summary>Decodes the outputs of an SCRFD face detector (InsightFace's det_10g.onnx) with the original's rules.</summary>
internal static class ScrfdDecoder
{
    /// <summary>Side of the square input in pixels.</summary>
    public const int InputSide = 512;

    /// <summary>Faces below are dropped.</summary>
    public const float ScoreThreshold = 0.5f;

    /// <summary>Boxes that overlap a better one by more are dropped.</summary>
    public const float OverlapThreshold = 0.4f;

    /// <summary>Anchors per cell, side by side in the outputs.</summary>
    public const int AnchorsPerCell = 2;

    /// <summary>Pixels per cell of the three levels, in the order of the outputs.</summary>
    public static ReadOnlySpan<int> Strides => [8, 16, 32];

    /// <summary>Rows of the outputs of a level.</summary>
    /// <param name="stride">Pixels per cell.</param>
    public static int RowsOf(int stride) => InputSide / stride * (InputSide / stride) * AnchorsPerCell;

    /// <summary>Size of the picture inside the square input, and the factor from frame to input.</summary>
    /// <param name="width">Width of the frame in pixels.</param>
    /// <param name="height">Height of the frame in pixels.</param>
    public static (int Width, int Height, double Scale) Letterbox(int width, int height)
    {
        double ratio = (double)height / width;
        (int newWidth, int newHeight) =
            ratio > 1 ? (Math.Max(1, (int)(InputSide / ratio)), InputSide) : (InputSide, Math.Max(1, (int)(InputSide * ratio)));
        return (newWidth, newHeight, (double)newHeight / height);
    }

    /// <summary>Boxes of one level in pixels of the frame, scores at least the threshold.</summary>
    /// <param name="scores">(rows) probabilities.</param>
    /// <param name="distances">(rows, 4): left, top, right, bottom of the anchor's centre, in strides.</param>
    /// <param name="stride">Pixels per cell.</param>
    /// <param name="scale">Factor from frame to input.</param>
    /// <param name="found">Receives them.</param>
    public static void DecodeLevel(
        ReadOnlySpan<float> scores,
        ReadOnlySpan<float> distances,
        int stride,
        double scale,
        List<Candidate> found
    )
    {
        int cells = InputSide / stride;
        for (int row = 0; row < scores.Length; row++)
        {
            float score = scores[row];
            if (!(score >= ScoreThreshold))
            {
                continue;
            }
            int cell = row / AnchorsPerCell;
            float x = cell % cells * stride,
                y = cell / cells * stride;
            ReadOnlySpan<float> d = distances.Slice(4 * row, 4);
            var box = new FaceBox(
                (x - (d[0] * stride)) / scale,
                (y - (d[1] * stride)) / scale,
                (x + (d[2] * stride)) / scale,
                (y + (d[3] * stride)) / scale
            );
            if (double.IsFinite(box.Left + box.Top + box.Right + box.Bottom))
            {
                found.Add(new Candidate(box, score));
            }
        }
    }

    /// <summary>Greedy non-maximum suppression, best first; areas and overlaps count one pixel more in each direction.</summary>
    /// <param name="candidates">In any order.</param>
    public static IReadOnlyList<Candidate> Suppress(IReadOnlyList<Candidate> candidates)
    {
        var kept = new List<Candidate>();
        foreach (Candidate candidate in candidates.OrderByDescending(c => c.Score))
        {
            if (kept.TrueForAll(better => PixelOverlap(better.Box, candidate.Box) <= OverlapThreshold))
            {
                kept.Add(candidate);
            }
        }
        return kept;
    }

    private static double PixelOverlap(FaceBox a, FaceBox b)
    {
        double width = Math.Max(0, Math.Min(a.Right, b.Right) - Math.Max(a.Left, b.Left) + 1);
        double height = Math.Max(0, Math.Min(a.Bottom, b.Bottom) - Math.Max(a.Top, b.Top) + 1);
        double common = width * height;
        return common / (((a.Width + 1) * (a.Height + 1)) + ((b.Width + 1) * (b.Height + 1)) - common);
    }

    /// <summary>A box with its score.</summary>
    internal readonly record struct Candidate(FaceBox Box, float Score);
}
