namespace LatentSync.Training.Datasets;

/// <summary>How videos are decoded and kept.</summary>
public sealed record FaceClipLibraryOptions
{
    /// <summary>Side of the frames in pixels, 8..2048; videos of another size are resized (bicubic, antialiased). Default 256.</summary>
    public int Resolution { get; init; } = 256;

    /// <summary>Shorter videos are skipped. Default 48: three windows of 16 frames, so that a reference can be drawn that does not
    /// overlap.</summary>
    public int MinimumFrames { get; init; } = 48;

    /// <summary>Decoded clips are kept in memory up to so many bytes, those used last. Default 2 GiB: at 256, 140 clips of 3
    /// seconds.</summary>
    public long CacheBytes { get; init; } = 2L << 30;

    /// <summary>Videos decoded at the same time, 1..64. Default 2.</summary>
    public int DecodeJobs { get; init; } = 2;

    /// <summary>ffmpeg, or the folder that holds it; null: found by itself.</summary>
    public string? FfmpegPath { get; init; }

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Resolution, 8);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Resolution, 2048);
        ArgumentOutOfRangeException.ThrowIfLessThan(MinimumFrames, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(CacheBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(DecodeJobs, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(DecodeJobs, 64);
    }
}
