namespace LatentSync;

/// <summary>Stages of a lip-sync run, in order of first appearance; from <see cref="Faces"/> on they overlap, chunk by chunk.</summary>
public enum SyncStage
{
    /// <summary>Loading the checkpoint.</summary>
    Load,

    /// <summary>Whisper features of the speech.</summary>
    Audio,

    /// <summary>Detecting and aligning faces.</summary>
    Faces,

    /// <summary>Denoising, counted in network steps.</summary>
    Denoise,

    /// <summary>Pasting back and encoding.</summary>
    Write,
}
