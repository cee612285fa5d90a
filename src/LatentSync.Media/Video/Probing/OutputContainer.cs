using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Probing;

/// <summary>A container that results can be written in, chosen by the output's extension.</summary>
/// <param name="Extension">".mp4".</param>
/// <param name="Muxer">ffmpeg's name.</param>
/// <param name="CopiedAudio">Audio codecs that are taken over untouched.</param>
/// <param name="LosslessEncoder">Encoder for lossless speech that cannot be taken over; null: AAC.</param>
/// <param name="HasIndex">The index is moved to the front, so that playing can start while loading.</param>
/// <param name="HoldsAttachments">Files can be inside it, as fonts.</param>
/// <param name="HoldsCovers">A picture can stand for the file.</param>
public sealed record OutputContainer(
    string Extension,
    string Muxer,
    IReadOnlyList<string> CopiedAudio,
    string? LosslessEncoder,
    bool HasIndex,
    bool HoldsAttachments,
    bool HoldsCovers
)
{
    private static readonly string[] Common = ["aac", "mp3", "ac3", "eac3", "alac"];
    private static readonly string[] Pcm = ["pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le"];

    /// <summary>All that can be written.</summary>
    public static IReadOnlyList<OutputContainer> All { get; } =
    [
        new(".mp4", "mp4", [.. Common, "opus"], null, true, false, true),
        new(".m4v", "mp4", [.. Common, "opus"], null, true, false, true),
        new(".mov", "mov", [.. Common, .. Pcm, "pcm_s16be", "pcm_s24be"], "alac", true, false, false),
        new(".mkv", "matroska", [.. Common, .. Pcm, "flac", "opus", "vorbis"], "flac", false, true, true),
    ];

    /// <summary>Largest number in a pixel's shape: H.264 has 16 bits for each.</summary>
    internal const int MaximumAspect = 65535;

    /// <summary>Matroska: text subtitles are SubRip or ASS, and those made of pictures fit in too.</summary>
    internal bool IsMatroska => Muxer == "matroska";

    /// <summary>The container for a file name.</summary>
    /// <param name="outputPath">Path of the result.</param>
    /// <exception cref="MediaException"><see cref="MediaFault.UnknownContainer"/>.</exception>
    public static OutputContainer ForPath(string outputPath)
    {
        string extension = Path.GetExtension(outputPath ?? string.Empty);
        OutputContainer? container = All.FirstOrDefault(c => c.Extension.Equals(extension, StringComparison.OrdinalIgnoreCase));
        if (container is not null)
        {
            return container;
        }

        Sentence found =
            extension.Length == 0 ? "has no extension"
            : extension.Equals(".webm", StringComparison.OrdinalIgnoreCase) ? "ends in .webm, which cannot hold H.264 video"
            : (Sentence)$"ends in {extension}";
        throw new MediaException(
            MediaFault.UnknownContainer,
            $"The output {MediaFile.Show(outputPath ?? string.Empty)} {found}: name it .mp4, .mov or .mkv.",
            outputPath
        );
    }
}
