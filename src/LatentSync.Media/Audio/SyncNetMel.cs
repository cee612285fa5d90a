namespace LatentSync.Media.Audio;

/// <summary>The mel spectrogram that StableSyncNet hears, of a whole recording.</summary>
/// <param name="Values">(80, Columns), row-major: the value of band b at time t is Values[b * Columns + t], in [-4, 4].</param>
/// <param name="Columns">80 per second: 1 + floor(samples / 200).</param>
public sealed record SyncNetMel(float[] Values, int Columns)
{
    /// <summary>Mel bands: rows of <see cref="Values"/>.</summary>
    public const int Bands = 80;

    /// <summary>Columns per second.</summary>
    public const int ColumnsPerSecond = 80;

    /// <summary>The column where a frame's sound begins.</summary>
    /// <param name="frame">Index of the video frame.</param>
    /// <param name="frameRate">Frames per second.</param>
    public static int StartColumn(long frame, double frameRate = 25) => (int)(ColumnsPerSecond * (frame / frameRate));

    /// <summary>Copies the columns from <paramref name="start"/> on.</summary>
    /// <param name="start">First column, at least 0.</param>
    /// <param name="length">How many.</param>
    /// <param name="destination">(80, length), row-major.</param>
    /// <returns>False, and nothing is copied, when the recording ends before them.</returns>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    public bool TryCopyWindow(int start, int length, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        if (destination.Length != Bands * length)
        {
            throw new ArgumentException(
                $"The destination has {destination.Length} elements; {Bands} x {length} are required.",
                nameof(destination)
            );
        }
        if (start < 0 || start > Columns - length)
        {
            return false;
        }
        for (int band = 0; band < Bands; band++)
        {
            Values.AsSpan((band * Columns) + start, length).CopyTo(destination[(band * length)..]);
        }
        return true;
    }
}
