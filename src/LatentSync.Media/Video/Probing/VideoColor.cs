using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Probing;

/// <summary>How stored luma and chroma relate to RGB: the tags of a stream, or what is assumed where tags are missing.</summary>
/// <param name="Matrix">ffmpeg's name of the YCbCr matrix: "bt709", "smpte170m", "bt470bg", "fcc", "smpte240m" or "bt2020nc". Never
/// missing.</param>
/// <param name="IsFullRange">True: luma 0..255 ("pc"); false: 16..235 ("tv").</param>
/// <param name="Primaries">ffmpeg's name of the primaries; null when the stream does not say.</param>
/// <param name="Transfer">ffmpeg's name of the transfer curve; null when the stream does not say.</param>
public sealed record VideoColor(string Matrix, bool IsFullRange, string? Primaries, string? Transfer)
{
    /// <summary>Lines from which an untagged video is taken for bt709.</summary>
    public const int HighDefinitionHeight = 720;

    private static readonly string[] Matrices = ["bt709", "smpte170m", "bt470bg", "fcc", "smpte240m", "bt2020nc"];
    private static readonly string[] KnownPrimaries =
    [
        "bt709",
        "bt470m",
        "bt470bg",
        "smpte170m",
        "smpte240m",
        "film",
        "bt2020",
        "smpte428",
        "smpte431",
        "smpte432",
    ];
    private static readonly string[] KnownTransfers =
    [
        "bt709",
        "smpte170m",
        "smpte240m",
        "linear",
        "iec61966-2-4",
        "bt1361e",
        "iec61966-2-1",
        "bt2020-10",
        "bt2020-12",
        "smpte2084",
        "arib-std-b67",
    ];

    /// <summary>True when the transfer curve is PQ or HLG.</summary>
    public bool IsHdr => Transfer is "smpte2084" or "arib-std-b67";

    /// <summary>"tv" or "pc", as ffmpeg names it.</summary>
    public string Range => IsFullRange ? "pc" : "tv";

    /// <summary>The matrix as ffmpeg's scaler names it.</summary>
    internal string ScalerMatrix =>
        Matrix is "bt2020nc" ? "bt2020"
        : Matrix is "bt470bg" ? "bt470"
        : Matrix;

    /// <summary>What is assumed about a picture of that height when nothing is said: bt709 from 720 lines on, else bt601 (smpte170m);
    /// limited range.</summary>
    /// <param name="height">Lines of the upright picture.</param>
    public static VideoColor Assumed(int height) => new(height >= HighDefinitionHeight ? "bt709" : "smpte170m", false, null, null);

    /// <summary>Interprets the tags of a stream.</summary>
    /// <param name="tags">Matrix, range, primaries, transfer as ffprobe prints them; null, "unknown" where missing.</param>
    /// <param name="pixelFormat">ffmpeg's name; RGB formats have no matrix, "yuvj" ones are full range.</param>
    /// <param name="height">Lines of the upright picture.</param>
    /// <param name="notes">Receives a sentence for everything assumed.</param>
    internal static VideoColor FromTags(
        (string? Matrix, string? Range, string? Primaries, string? Transfer) tags,
        string pixelFormat,
        int height,
        ICollection<string> notes
    )
    {
        VideoColor assumed = Assumed(height);
        if (HoldsRgb(pixelFormat))
        {
            return assumed with { Primaries = Known(tags.Primaries, KnownPrimaries), Transfer = Known(tags.Transfer, KnownTransfers) };
        }

        bool isGray = pixelFormat.StartsWith("gray", StringComparison.Ordinal) || pixelFormat.StartsWith("ya", StringComparison.Ordinal);
        string? matrix = tags.Matrix is "bt2020c" ? "bt2020nc" : Known(tags.Matrix, Matrices);
        if (matrix is null && !isGray)
        {
            notes.Add(
                Sentence.Say(
                    tags.Matrix is null or "unknown" or "reserved"
                        ? (Sentence)$"The video does not state its colour matrix: {assumed.Matrix} is assumed, as usual for {height} lines."
                        : $"The video's colour matrix {tags.Matrix} cannot be converted exactly: {assumed.Matrix} is used, so colours may be off."
                )
            );
        }

        bool? full = pixelFormat.StartsWith("yuvj", StringComparison.Ordinal)
            ? true
            : tags.Range switch
            {
                "pc" => true,
                "tv" => false,
                _ => null,
            };
        if (full is null)
        {
            notes.Add(Sentence.Say("The video does not state its colour range: limited (tv) is assumed."));
        }

        return new VideoColor(
            matrix ?? assumed.Matrix,
            full ?? false,
            Known(tags.Primaries, KnownPrimaries),
            Known(tags.Transfer, KnownTransfers)
        );
    }

    /// <summary>True for formats whose components are red, green and blue (or a palette of them).</summary>
    internal static bool HoldsRgb(string pixelFormat) =>
        pixelFormat.Contains("rgb", StringComparison.Ordinal)
        || pixelFormat.Contains("bgr", StringComparison.Ordinal)
        || pixelFormat.StartsWith("gbr", StringComparison.Ordinal)
        || pixelFormat is "pal8" or "monow" or "monob";

    private static string? Known(string? name, string[] names) => names.Contains(name) ? name : null;
}
