using System.Globalization;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Probing;

namespace LatentSync.Media.Video.Writing;

/// <summary>A track that goes into the result.</summary>
/// <param name="Track">What it is in the video's file.</param>
/// <param name="Codec">ffmpeg's name of the codec it is converted to; null: its packets are taken over.</param>
internal sealed record CarriedTrack(MediaTrack Track, string? Codec);

/// <summary>What of a video's further tracks goes into the result: what its container can hold is copied, the rest is named.</summary>
/// <remarks>Subtitles and sound keep their times and end with the result. Text subtitles are converted between mp4's form and Matroska's;
/// pictures of text (DVD, Blu-ray) only fit into Matroska.</remarks>
internal sealed class CarriedTracks
{
    private static readonly string[] TextSubtitles = ["subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"];
    private static readonly string[] PictureSubtitles = ["dvd_subtitle", "hdmv_pgs_subtitle", "dvb_subtitle"];
    private static readonly string[] CoverCodecs = ["mjpeg", "png"];

    /// <summary>QuickTime knows languages by a list of its own: where it has the other of two usual names.</summary>
    private static readonly Dictionary<string, string> QuickTimeLanguages = new()
    {
        ["deu"] = "ger",
        ["nld"] = "dut",
        ["fre"] = "fra",
        ["swe"] = "sve",
        ["zho"] = "chi",
        ["ell"] = "gre",
        ["isl"] = "ice",
        ["rum"] = "ron",
        ["cze"] = "ces",
        ["slo"] = "slk",
        ["sqi"] = "alb",
        ["mkd"] = "mac",
        ["hye"] = "arm",
        ["kat"] = "geo",
        ["mya"] = "bur",
        ["bod"] = "tib",
        ["msa"] = "may",
        ["cym"] = "wel",
        ["eus"] = "baq",
    };

    private readonly List<CarriedTrack> _tracks = [];
    private readonly List<string> _notes = [];

    private CarriedTracks(MediaInfo? source, TimeSpan zero, OutputContainer? container) =>
        (Source, Zero, Container) = (source, zero, container);

    /// <summary>Nothing is carried.</summary>
    public static CarriedTracks None { get; } = new(null, TimeSpan.Zero, null);

    /// <summary>The video; null when nothing is carried.</summary>
    public MediaInfo? Source { get; }

    /// <summary>The result's first moment, on the clock of the video's file as ffmpeg reads it.</summary>
    public TimeSpan Zero { get; }

    /// <summary>Of the result; null when nothing is carried.</summary>
    public OutputContainer? Container { get; }

    /// <summary>What is carried, in the file's order.</summary>
    public IReadOnlyList<CarriedTrack> Tracks => _tracks;

    /// <summary>Sentences about what is left out or changed.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>There is neither track nor chapter to carry.</summary>
    public bool IsEmpty => _tracks.Count == 0 && (Source?.Chapters ?? 0) == 0;

    /// <summary>Plans for a video.</summary>
    /// <param name="source">The video.</param>
    /// <param name="zero">The result's first moment, on the clock of the video's file as ffmpeg reads it.</param>
    /// <param name="container">Of the result.</param>
    public static CarriedTracks Of(MediaInfo source, TimeSpan zero, OutputContainer container)
    {
        var tracks = new CarriedTracks(source, zero, container);
        var left = new List<Sentence>();
        foreach (MediaTrack track in source.OtherTracks)
        {
            if (tracks.Plan(track, container) is { } reason)
            {
                left.Add(reason);
            }
        }

        if (left.Count > 0)
        {
            tracks._notes.Add(
                Sentence.Say(
                    container.IsMatroska
                        ? (Sentence)
                            $"Not carried over from {MediaFile.Show(source.Path)}: {Sentence.Join("; ", left)}. The video's own file still has them."
                        : $"Not carried over from {MediaFile.Show(source.Path)}: {Sentence.Join("; ", left)}. A result named .mkv can hold more kinds of tracks."
                )
            );
        }

        return tracks;
    }

    /// <summary>Names for the chapters that have none: mp4 and mov keep chapters by their names only.</summary>
    /// <param name="seconds">Length of the result.</param>
    /// <returns>Index among the chapters that reach into the result, and the name.</returns>
    public IEnumerable<(int Index, string Name)> ChapterNames(double seconds) =>
        Source is null || Container!.IsMatroska
            ? []
            : Source
                .ChapterList.Where(c => c.End >= Zero)
                .Select((chapter, i) => (Chapter: chapter, Index: i))
                .Where(c => !c.Chapter.HasTitle && (c.Chapter.Start - Zero).TotalSeconds < seconds)
                .Select(c => (c.Index, string.Create(CultureInfo.InvariantCulture, $"Chapter {c.Index + 1}")));

    /// <summary>The language of a track as the result's container names it.</summary>
    public string? LanguageOf(MediaTrack track) =>
        track.Language is { } language && Container?.Muxer == "mov"
            ? QuickTimeLanguages.GetValueOrDefault(language, language)
            : track.Language;

    /// <summary>Languages that the container could not keep, as a sentence.</summary>
    /// <param name="result">The finished file; one without further tracks has lost more, which is said elsewhere.</param>
    public string? LostLanguages(ProbeDocument result)
    {
        List<string?> found =
        [
            .. (result.Streams ?? [])
                .Skip(2)
                .Select(s => s.Tags?.FirstOrDefault(t => t.Key.Equals("language", StringComparison.OrdinalIgnoreCase)).Value),
        ];
        List<string> lost =
        [
            .. found.Count == 0 ? [] : _tracks.Select(t => LanguageOf(t.Track)).OfType<string>().Where(l => !found.Remove(l)),
        ];
        return lost.Count == 0
            ? null
            : Sentence.Say(
                $"The result's tracks lack their language ({string.Join(", ", lost)}), which {Container!.Extension} can't keep."
            );
    }

    /// <returns>Null when it is carried, else what is not, and why.</returns>
    private Sentence? Plan(MediaTrack track, OutputContainer container)
    {
        bool isTaken = track.Kind switch
        {
            MediaTrackKind.Audio => container.CopiedAudio.Contains(track.Codec),
            MediaTrackKind.Subtitle => TextSubtitles.Contains(track.Codec)
                || (container.IsMatroska && PictureSubtitles.Contains(track.Codec)),
            MediaTrackKind.Attachment => container.HoldsAttachments,
            MediaTrackKind.Cover => container.HoldsCovers && CoverCodecs.Contains(track.Codec),
            _ => false,
        };
        if (!isTaken)
        {
            return track.Kind is MediaTrackKind.Video or MediaTrackKind.Data
                ? track.Describe()
                : (Sentence)$"{track.Describe()}, which {container.Extension} can't hold";
        }

        _tracks.Add(new CarriedTrack(track, track.Kind == MediaTrackKind.Subtitle ? Conversion(track.Codec, container) : null));
        if (!container.IsMatroska && track.Codec is "ass" or "ssa")
        {
            _notes.Add(
                Sentence.Say(
                    $"Subtitles ({track.Codec}) were converted for {container.Extension}, which keeps their text but not their styles."
                )
            );
        }

        return null;
    }

    private static string? Conversion(string codec, OutputContainer container) =>
        container.IsMatroska ? (codec is "mov_text" or "text" ? "srt" : null)
        : codec == "mov_text" ? null
        : "mov_text";
}
