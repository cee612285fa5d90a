namespace LatentSync.Models.AudioEncoders;

/// <summary>Which feature rows belong to which video frame.</summary>
/// <param name="FrameRate">Video frames per second, above 0.</param>
/// <param name="FramesBefore">Video frames at 25 per second that a chunk reaches back. Default 2; <c>audio_feat_length[0]</c>.</param>
/// <param name="FramesAfter">Video frames at 25 per second that a chunk reaches forward. Default 2; <c>audio_feat_length[1]</c>.</param>
public readonly record struct AudioFrameClock(double FrameRate, int FramesBefore = 2, int FramesAfter = 2)
{
    /// <summary>Feature rows per second of sound.</summary>
    public const double RowsPerSecond = 50;

    /// <summary>Allowance for rounding before a number of frames is rounded up.</summary>
    private const double Rounding = 1e-6;

    /// <summary>Rows of one chunk: two for each frame before, after, and the frame itself; ten by default.</summary>
    public int RowsPerFrame => 2 * (FramesBefore + FramesAfter + 1);

    /// <summary>The rows of one frame: centre int(i · 50 / rate), from 2·before rows ahead of it on, each clamped to the
    /// recording.</summary>
    /// <param name="frameIndex">Video frame, from 0.</param>
    /// <param name="rowCount">Rows of the recording, at least 1.</param>
    public int[] RowIndices(int frameIndex, int rowCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(frameIndex);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowCount, 1);
        long first = (long)(frameIndex * RowsPerSecond / RequireRate()) - 2 * FramesBefore;
        int[] indices = new int[RowsPerFrame];
        for (int i = 0; i < indices.Length; i++)
        {
            indices[i] = (int)Math.Clamp(first + i, 0, rowCount - 1);
        }
        return indices;
    }

    /// <summary>Frames that the original makes: it stops after the first frame with int(i · (50 / rate)) beyond the rows; at 25 per second
    /// floor(rows / 2) + 2.</summary>
    /// <param name="rowCount">Rows of the recording.</param>
    public int OriginalFrameCount(int rowCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rowCount);
        double rowsPerFrame = RowsPerSecond / RequireRate();
        long frame = Math.Max(0, (long)(rowCount / rowsPerFrame) - 2);
        while ((long)(frame * rowsPerFrame) <= rowCount)
        {
            frame++;
        }
        return checked((int)(frame + 1));
    }

    /// <summary>Frames that cover the sound: ceil(seconds · rate).</summary>
    /// <param name="audioSeconds">Length of the sound in seconds, at least 0.</param>
    public int FrameCount(double audioSeconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(audioSeconds);
        return checked((int)Math.Ceiling(audioSeconds * RequireRate() - Rounding));
    }

    private double RequireRate() =>
        double.IsFinite(FrameRate) && FrameRate > 0
            ? FrameRate
            : throw new ArgumentOutOfRangeException(nameof(FrameRate), FrameRate, "The frame rate must be a finite number above 0.");
}
