namespace LatentSync.Media.Video.Probing;

/// <summary>What must be done to the stored pixels so that the picture stands upright. The names say the operation.</summary>
public enum FrameOrientation
{
    /// <summary>Nothing.</summary>
    Upright,

    /// <summary>Turn by 90 degrees clockwise.</summary>
    Clockwise,

    /// <summary>Turn by 180 degrees.</summary>
    HalfTurn,

    /// <summary>Turn by 90 degrees counter-clockwise.</summary>
    CounterClockwise,

    /// <summary>Swap left and right.</summary>
    MirrorHorizontally,

    /// <summary>Swap top and bottom.</summary>
    MirrorVertically,

    /// <summary>Swap rows and columns.</summary>
    Transpose,

    /// <summary>Swap rows and columns along the other diagonal.</summary>
    AntiTranspose,
}

/// <summary>Properties of orientations.</summary>
internal static class FrameOrientations
{
    private const double FixedPointOne = 65536;

    /// <summary>True when width and height change places.</summary>
    public static bool SwapsSides(this FrameOrientation orientation) =>
        orientation
            is FrameOrientation.Clockwise
                or FrameOrientation.CounterClockwise
                or FrameOrientation.Transpose
                or FrameOrientation.AntiTranspose;

    /// <summary>ffmpeg's filters that do it; empty when upright.</summary>
    public static string Filters(this FrameOrientation orientation) =>
        orientation switch
        {
            FrameOrientation.Clockwise => "transpose=clock",
            FrameOrientation.HalfTurn => "hflip,vflip",
            FrameOrientation.CounterClockwise => "transpose=cclock",
            FrameOrientation.MirrorHorizontally => "hflip",
            FrameOrientation.MirrorVertically => "vflip",
            FrameOrientation.Transpose => "transpose=cclock_flip",
            FrameOrientation.AntiTranspose => "transpose=clock_flip",
            _ => string.Empty,
        };

    /// <summary>Reads a container's display matrix as ffprobe prints it: three lines "00000000: a b u".</summary>
    /// <remarks>The pixel (p, q) is shown at (a p + c q, b p + d q), y downwards, in 16.16 fixed point.</remarks>
    /// <returns>Null when it is no multiple of 90 degrees (or unreadable), and no orientation applies.</returns>
    public static FrameOrientation? FromDisplayMatrix(string text)
    {
        string[] rows = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (rows.Length < 2 || !TryReadRow(rows[0], out int a, out int b) || !TryReadRow(rows[1], out int c, out int d))
        {
            return null;
        }

        return (a, b, c, d) switch
        {
            (1, 0, 0, 1) => FrameOrientation.Upright,
            (0, 1, -1, 0) => FrameOrientation.Clockwise,
            (-1, 0, 0, -1) => FrameOrientation.HalfTurn,
            (0, -1, 1, 0) => FrameOrientation.CounterClockwise,
            (-1, 0, 0, 1) => FrameOrientation.MirrorHorizontally,
            (1, 0, 0, -1) => FrameOrientation.MirrorVertically,
            (0, 1, 1, 0) => FrameOrientation.Transpose,
            (0, -1, -1, 0) => FrameOrientation.AntiTranspose,
            _ => null,
        };
    }

    private static bool TryReadRow(string row, out int first, out int second)
    {
        first = second = 0;
        string[] words = row.Split(':', 2)[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (words.Length < 2 || !int.TryParse(words[0], out int x) || !int.TryParse(words[1], out int y))
        {
            return false;
        }

        first = Unit(x);
        second = Unit(y);
        return true;
    }

    /// <summary>-1, 0 or 1 when the entry is within 2 % of it; else 2, which matches no orientation.</summary>
    private static int Unit(int entry)
    {
        double value = entry / FixedPointOne;
        double nearest = Math.Round(value);
        return Math.Abs(value - nearest) <= 0.02 && Math.Abs(nearest) <= 1 ? (int)nearest : 2;
    }
}
