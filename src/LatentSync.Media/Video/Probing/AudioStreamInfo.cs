namespace LatentSync.Media.Video.Probing;

/// <summary>The audio track of a file.</summary>
public sealed record AudioStreamInfo
{
    /// <summary>Stream index in the file.</summary>
    public required int StreamIndex { get; init; }

    /// <summary>ffmpeg's name of the codec: "aac", "pcm_s16le".</summary>
    public required string Codec { get; init; }

    /// <summary>In Hz.</summary>
    public required int SampleRate { get; init; }

    /// <summary>1 or more.</summary>
    public required int Channels { get; init; }

    /// <summary>ffmpeg's name of what the decoder gives: "fltp", "s16"; null if unknown.</summary>
    internal string? SampleFormat { get; init; }

    /// <summary>Duration of the track (of the file if the track does not tell); null if unknown.</summary>
    public required TimeSpan? Duration { get; init; }

    /// <summary>Length by the header of a file that holds less than that; null when nothing is known to be missing.</summary>
    internal TimeSpan? CutFrom { get; init; }

    /// <summary>How much later than the file's first stream this one begins.</summary>
    public required TimeSpan StartOffset { get; init; }
}
