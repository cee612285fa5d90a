namespace LatentSync.Media.Video;

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
    public string Describe()
    {
        string name = Kind switch
        {
            MediaTrackKind.Video => "a second video",
            MediaTrackKind.Cover => "a cover picture",
            MediaTrackKind.Audio => "a second sound track",
            MediaTrackKind.Subtitle => "subtitles",
            MediaTrackKind.Attachment => "an attached file",
            _ => "a data track",
        };
        IEnumerable<string> facts = new[] { Codec, Language, Title is null ? null : MediaFile.Show(Title) }.OfType<string>();
        return $"{name} ({string.Join(", ", facts)})";
    }
}
