namespace LatentSync.Media.Video.Tools;

/// <summary>What is known about the ffmpeg in use; for the doctor and for reports.</summary>
/// <param name="FfmpegPath">Full path of ffmpeg.</param>
/// <param name="FfprobePath">Full path of ffprobe.</param>
/// <param name="Version">As it names itself: "5.1.9-0+deb12u1".</param>
/// <param name="FoundBy">How it was found: "option", "LATENTSYNC_FFMPEG", "PATH" or "common folder".</param>
/// <param name="Encoders">The encoders this project can use, and whether this build has them.</param>
public sealed record FfmpegFacts(
    string FfmpegPath,
    string FfprobePath,
    string Version,
    string FoundBy,
    IReadOnlyDictionary<string, bool> Encoders
)
{
    /// <summary>True when videos can be written: libx264 and aac are there.</summary>
    public bool CanWrite => FfmpegTools.RequiredEncoders.All(e => Encoders.GetValueOrDefault(e));
}
