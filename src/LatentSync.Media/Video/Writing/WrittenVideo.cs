namespace LatentSync.Media.Video.Writing;

/// <summary>A finished file, as ffprobe found it.</summary>
/// <param name="Path">Full path.</param>
/// <param name="Frames">Video frames.</param>
/// <param name="Duration">Frames by frame rate.</param>
/// <param name="AudioCodec">Codec of the audio track; null: none.</param>
/// <param name="AudioCopied">True: the speech's packets were taken over bit for bit.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Notes">What a user should know: another pixel format, another audio codec.</param>
public sealed record WrittenVideo(
    string Path,
    long Frames,
    TimeSpan Duration,
    string? AudioCodec,
    bool AudioCopied,
    long Bytes,
    IReadOnlyList<string> Notes
);
