namespace LatentSync.Media.Audio;

/// <summary>Whisper's log-mel spectrogram of a whole recording.</summary>
/// <param name="Values">(80, Frames), row-major: the value of band b at time t is Values[b * Frames + t]. Scaled as Whisper
/// expects.</param>
/// <param name="Frames">Columns, 100 per second: floor(samples / 160).</param>
public sealed record LogMel(float[] Values, int Frames)
{
    /// <summary>Mel bands: rows of <see cref="Values"/>.</summary>
    public const int Bands = 80;

    /// <summary>Columns per second.</summary>
    public const int FramesPerSecond = 100;
}
