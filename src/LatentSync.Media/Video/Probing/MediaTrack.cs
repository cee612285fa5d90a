using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Probing;

/// <summary>What a further track of a file is.</summary>
public enum MediaTrackKind
{
    /// <summary>Another video.</summary>
    Video,

    /// <summary>A picture that stands for the file, as a cover.</summary>
    Cover,

    /// <summary>Another sound track.</summary>
    Audio,

    /// <summary>Subtitles.</summary>
    Subtitle,

    /// <summary>A file inside the file, as a font.</summary>
    Attachment,

    /// <summary>Anything else, as time code.</summary>
    Data,
}

/// <summary>A track beside the picture and the sound that are used.</summary>
/// <param name="StreamIndex">Stream index in the file.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Codec">ffmpeg's name of the codec; "unknown" if it has none.</param>
/// <param name="Language">Three letters, as "eng"; null if not stated.</param>
/// <param name="Title">Its title or file name; null if it has none.</param>
public sealed record MediaTrack(int StreamIndex, MediaTrackKind Kind, string Codec, string? Language, string? Title)
{
    /// <summary>"subtitles (subrip, eng)".</summary>
    public Sentence Describe()
    {
        Sentence name = Kind switch
        {
            MediaTrackKind.Video => "a second video",
            MediaTrackKind.Cover => "a cover picture",
            MediaTrackKind.Audio => "a second audio track",
            MediaTrackKind.Subtitle => "subtitles",
            MediaTrackKind.Attachment => "an attached file",
            _ => "a data track",
        };
        IEnumerable<string> facts = new[] { Codec, Language, Title is null ? null : MediaFile.Show(Title) }.OfType<string>();
        return $"{name} ({string.Join(", ", facts)})";
    }

    /// <summary>Reads ffprobe's answer.</summary>
    /// <returns>Null for the track in which mp4 keeps the titles of its chapters.</returns>
    internal static MediaTrack? Of(ProbeStream stream, ProbeDocument document)
    {
        string? Tag(string name) => stream.Tags?.FirstOrDefault(t => t.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
        if (stream is { CodecType: "data", CodecTag: "text" } && document.Chapters is { Count: > 0 })
        {
            return null;
        }

        MediaTrackKind kind = stream.CodecType switch
        {
            "video" => stream.Has("attached_pic") || stream.Has("timed_thumbnails") ? MediaTrackKind.Cover : MediaTrackKind.Video,
            "audio" => MediaTrackKind.Audio,
            "subtitle" => MediaTrackKind.Subtitle,
            "attachment" => MediaTrackKind.Attachment,
            _ => MediaTrackKind.Data,
        };
        string? language = Tag("language") is { Length: 2 or 3 } tag && tag.All(char.IsAsciiLetter) && tag != "und" ? tag : null;
        string codec =
            stream.CodecName is { } name and not "unknown" and not "none" ? name
            : stream.CodecTag is { } code && code.All(char.IsAsciiLetterOrDigit) ? code
            : "unknown";
        return new MediaTrack(stream.Index, kind, codec, language, Tag("title") ?? Tag("filename"));
    }
}
