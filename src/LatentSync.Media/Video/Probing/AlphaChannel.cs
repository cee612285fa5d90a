namespace LatentSync.Media.Video.Probing;

/// <summary>Where a video keeps its transparency, and how it is decoded.</summary>
internal static class AlphaChannel
{
    private static readonly string[] Parts = ["yuva", "ayuv", "vuya", "gbrap", "rgba", "bgra", "argb", "abgr"];

    /// <summary>True for pixel formats that can hold transparency; whether a picture uses it shows only in its pixels.</summary>
    /// <param name="pixelFormat">ffmpeg's name.</param>
    public static bool MayBeIn(string pixelFormat) =>
        pixelFormat is "pal8"
        || pixelFormat.StartsWith("ya", StringComparison.Ordinal)
        || Parts.Any(p => pixelFormat.Contains(p, StringComparison.Ordinal));

    /// <summary>WebM keeps the alpha of VP8 and VP9 as a second picture beside each frame. ffmpeg's own decoders leave it out.</summary>
    /// <returns>The decoder that reads it; null when the stream has none of that kind.</returns>
    public static string? DecoderOfSideAlpha(ProbeStream stream) =>
        stream.Tags?.FirstOrDefault(t => t.Key.Equals("alpha_mode", StringComparison.OrdinalIgnoreCase)).Value is not "1"
            ? null
            : stream.CodecName switch
            {
                "vp8" => "libvpx",
                "vp9" => "libvpx-vp9",
                _ => null,
            };
}
