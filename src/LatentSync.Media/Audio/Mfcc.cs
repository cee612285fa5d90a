namespace LatentSync.Media.Audio;

/// <summary>Mel-frequency cepstral coefficients of a whole recording, as <see cref="MfccFeatures"/> computes them.</summary>
/// <param name="Values">(Frames, 13), row-major: coefficient c at time t is Values[t * 13 + c].</param>
/// <param name="Frames">Rows, 100 per second.</param>
public sealed record Mfcc(float[] Values, int Frames)
{
    /// <summary>Coefficients of a frame; the first is the logarithm of its energy.</summary>
    public const int Coefficients = 13;

    /// <summary>Rows per second.</summary>
    public const int FramesPerSecond = 100;
}
