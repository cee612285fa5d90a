using System.Text;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Probing;

/// <summary>Formats of pictures that not every ffmpeg can decode: recognised by their first bytes, to say what to do about them.</summary>
internal static class PictureFormat
{
    private const int AnimationFlag = 0x02;
    private const int FewTiles = 3;
    private static readonly string[] HeifBrands = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"];
    private static readonly string[] PictureBrands = [.. HeifBrands, "avif", "avis"];

    /// <summary>What a file is that ffmpeg could not decode, and what to convert it to.</summary>
    /// <param name="fullPath">The file.</param>
    /// <param name="version">The version of ffmpeg.</param>
    /// <returns>A sentence without its beginning; null when the file is none of these formats.</returns>
    public static Sentence? Advice(string fullPath, string version)
    {
        if (!File.Exists(fullPath))
        {
            return null;
        }

        ReadOnlySpan<byte> head = MediaFile.Head(fullPath);
        string? brand = head.Length >= 12 && head[4..8].SequenceEqual("ftyp"u8) ? Encoding.ASCII.GetString(head[8..12]) : null;
        return IsAnimatedWebP(head)
                ? (Sentence)
                    $"it is an animated WebP, which ffmpeg {version} cannot read, or it is damaged: convert it to an animated PNG, a GIF or a video first."
            : HeifBrands.Contains(brand)
                ? (Sentence)$"it is a HEIC picture, which ffmpeg {version} cannot read, or it is damaged: convert it to JPEG or PNG first."
            : brand is "avif" or "avis"
                ? (Sentence)$"it is an AVIF picture, which ffmpeg {version} cannot read, or it is damaged: convert it to JPEG or PNG first."
            : head.StartsWith((ReadOnlySpan<byte>)[0, 0, 0, 12, (byte)'J', (byte)'X', (byte)'L', (byte)' '])
            || head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0x0A])
                ? (Sentence)
                    $"it is a JPEG XL picture, which ffmpeg {version} cannot read, or it is damaged: convert it to JPEG or PNG first."
            : null;
    }

    /// <summary>True when the extended header of a WebP says that it is animated.</summary>
    public static bool IsAnimatedWebP(ReadOnlySpan<byte> head) =>
        head.Length > 20
        && head.StartsWith("RIFF"u8)
        && head[8..12].SequenceEqual("WEBP"u8)
        && head[12..16].SequenceEqual("VP8X"u8)
        && (head[20] & AnimationFlag) != 0;

    /// <summary>A phone's HEIC picture is made of tiles, which ffmpeg gives as one track each: one of them is not the picture.</summary>
    /// <exception cref="MediaException">The picture is in tiles.</exception>
    public static void RequireWhole(string path, ProbeDocument document)
    {
        string? brand = document.Format?.Tags?.GetValueOrDefault("major_brand");
        if (brand is null || !PictureBrands.Contains(brand))
        {
            return;
        }

        ProbeStream[] pictures = [.. (document.Streams ?? []).Where(s => s.CodecType == "video")];
        bool isTiled =
            pictures.Count(s => s.Disposition?.GetValueOrDefault("dependent") == 1) > 1
            || pictures.GroupBy(s => (s.Width, s.Height)).Any(g => g.Count() >= FewTiles);
        if (isTiled)
        {
            throw new MediaException(
                MediaFault.Corrupt,
                $"{MediaFile.Show(path)} is a picture stored as {pictures.Length} tiles, which is not supported: convert it to JPEG or PNG first.",
                path
            );
        }
    }
}
