namespace LatentSync.Media.Audio;

/// <summary>How samples are stored in a WAV file.</summary>
public enum WavSampleFormat
{
    /// <summary>16-bit integers: round(sample x 32768), clamped.</summary>
    Pcm16,

    /// <summary>32-bit floats, as they are.</summary>
    Float32,
}
