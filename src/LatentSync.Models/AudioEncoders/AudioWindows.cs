namespace LatentSync.Models.AudioEncoders;

/// <summary>How a recording longer than one segment is cut for the encoder.</summary>
public enum AudioWindowing
{
    /// <summary>
    /// Segments advance by two thirds of their length; of each, the rows away from its borders are kept, with a short linear
    /// cross-fade in the middle of the overlap. Up to one segment this equals <see cref="Isolated"/>.
    /// </summary>
    Overlapped,

    /// <summary>Segments side by side, as in the original, which makes the lips jump every 30 s.</summary>
    Isolated,
}

/// <summary>Which encoder rows make up the feature rows of a recording. Rows come at 50 per second, mel frames at 100.</summary>
internal sealed class AudioWindows
{
    private readonly int _windowRows;
    private readonly int _hopRows;
    private readonly int _fadeRows;

    /// <summary>Plans the windows.</summary>
    /// <param name="melFrames">Mel frames of the whole recording.</param>
    /// <param name="windowRows">Rows of one window: the encoder's positions.</param>
    /// <param name="windowing">Side by side or overlapped.</param>
    public AudioWindows(int melFrames, int windowRows, AudioWindowing windowing)
    {
        MelFrames = melFrames;
        _windowRows = windowRows;
        _hopRows = windowing == AudioWindowing.Isolated ? windowRows : Math.Max(1, windowRows * 2 / 3);
        _fadeRows = Math.Min(MaximumFadeRows, (windowRows - _hopRows) / 2);
        Count = melFrames <= 2 * windowRows ? 1 : 1 + (melFrames - 2 * windowRows + 2 * _hopRows - 1) / (2 * _hopRows);
    }

    /// <summary>Longest cross-fade: 1 s.</summary>
    public const int MaximumFadeRows = 50;

    /// <summary>Mel frames of the whole recording.</summary>
    public int MelFrames { get; }

    /// <summary>Feature rows of the whole recording: floor(mel frames / 2), however it is cut.</summary>
    public int RowCount => MelFrames / 2;

    /// <summary>Number of windows.</summary>
    public int Count { get; }

    /// <summary>First row of a window.</summary>
    public int FirstRow(int window) => window * _hopRows;

    /// <summary>The mel frames that a window encodes: start and length.</summary>
    public (int Start, int Length) MelRange(int window)
    {
        int start = 2 * FirstRow(window);
        return (start, Math.Min(2 * _windowRows, MelFrames - start));
    }

    /// <summary>
    /// The stretch of rows, from <paramref name="row"/> on, that comes from one window, or from a fade between a window and the
    /// next: its end (exclusive), the window, and for a fade the row where it starts.
    /// </summary>
    public (int End, int Window, int? FadeStart) StretchAt(int row)
    {
        for (int window = Math.Max(0, row / _hopRows - 1); window < Count - 1; window++)
        {
            int fadeStart = FadeStart(window);
            if (row < fadeStart)
            {
                return (fadeStart, window, null);
            }
            if (row < fadeStart + _fadeRows)
            {
                return (fadeStart + _fadeRows, window, fadeStart);
            }
        }
        return (RowCount, Count - 1, null);
    }

    /// <summary>Weight of the later window in row <paramref name="row"/> of a fade: rises linearly, never 0 or 1.</summary>
    public double FadeWeight(int row, int fadeStart) => (row - fadeStart + 1.0) / (_fadeRows + 1);

    /// <summary>The fade between a window and the next lies in the middle of their overlap.</summary>
    private int FadeStart(int window) => (FirstRow(window + 1) + FirstRow(window) + _windowRows - _fadeRows) / 2;
}
