using System.Globalization;

namespace LatentSync.Media.Video;

/// <summary>What of a video's further tracks goes into the result: what its container can hold is copied, the rest is named.</summary>
/// <remarks>Subtitles and sound keep their times and end with the result. Text subtitles are converted between mp4's form and Matroska's; pictures of
/// text (DVD, Blu-ray) only fit into Matroska.</remarks>
internal sealed class CarriedTracks
{
    private static readonly string[] TextSubtitles = ["subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"];
    private static readonly string[] PictureSubtitles = ["dvd_subtitle", "hdmv_pgs_subtitle", "dvb_subtitle"];
    private static readonly string[] CoverCodecs = ["mjpeg", "png"];
    private readonly List<string> _maps = [];
    private readonly List<string> _codecs = [];
    private readonly List<string> _notes = [];
    private readonly MediaInfo? _source;
    private readonly TimeSpan _zero;

    private CarriedTracks(MediaInfo? source, TimeSpan zero) => (_source, _zero) = (source, zero);

    /// <summary>Nothing is carried.</summary>
    public static CarriedTracks None { get; } = new(null, TimeSpan.Zero);

    /// <summary>Sentences about what is left out or changed.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Plans for a video.</summary>
    /// <param name="source">The video.</param>
    /// <param name="zero">The result's first moment, on the clock of the video's file as ffmpeg reads it.</param>
    /// <param name="container">Of the result.</param>
    public static CarriedTracks Of(MediaInfo source, TimeSpan zero, OutputContainer container)
    {
        var tracks = new CarriedTracks(source, zero);
        var left = new List<string>();
        int count = 2; // the picture and the speech come first
        foreach (MediaTrack track in source.OtherTracks)
        {
            if (tracks.Plan(track, container, ref count) is { } reason)
            {
                left.Add(track.Describe() + reason);
            }
        }

        if (left.Count > 0)
        {
            tracks._notes.Add(
                $"Not carried over from {MediaFile.Show(source.Path)}: {string.Join("; ", left)}. "
                    + (container.HoldsAttachments ? "The video's own file still has them." : "A result named .mkv can hold more kinds of tracks.")
            );
        }

        return tracks;
    }

    /// <summary>Arguments that open the video once more, as an input; none when nothing is carried.</summary>
    public string[] Input =>
        IsEmpty ? [] : ["-itsoffset", (-_zero.TotalSeconds).ToString("0.######", CultureInfo.InvariantCulture), .. _source!.InputArguments];

    /// <summary>Output arguments.</summary>
    /// <param name="input">Number of the input.</param>
    public string[] Output(int input) =>
        IsEmpty
            ? ["-map_chapters", "-1"]
            :
            [
                .. _maps.SelectMany(m => new[] { "-map", string.Create(CultureInfo.InvariantCulture, $"{input}:{m}") }),
                .. _codecs,
                "-map_chapters",
                _source!.Chapters > 0 ? input.ToString(CultureInfo.InvariantCulture) : "-1",
            ];

    private bool IsEmpty => _maps.Count == 0 && (_source?.Chapters ?? 0) == 0;

    /// <returns>Null when it is carried, else why not (may be empty).</returns>
    private string? Plan(MediaTrack track, OutputContainer container, ref int count)
    {
        string? codec = track.Kind switch
        {
            MediaTrackKind.Audio => container.CopiedAudio.Contains(track.Codec) ? "copy" : null,
            MediaTrackKind.Subtitle => SubtitleCodec(track.Codec, container),
            MediaTrackKind.Attachment => container.HoldsAttachments ? "copy" : null,
            MediaTrackKind.Cover => CoverCodecs.Contains(track.Codec) ? "copy" : null,
            _ => null,
        };
        if (codec is null)
        {
            bool isOfContainer = track.Kind is MediaTrackKind.Audio or MediaTrackKind.Subtitle or MediaTrackKind.Attachment;
            return isOfContainer ? $", which {container.Extension} can't hold" : string.Empty;
        }

        _maps.Add(track.StreamIndex.ToString(CultureInfo.InvariantCulture));
        _codecs.AddRange([string.Create(CultureInfo.InvariantCulture, $"-c:{count}"), codec]);
        if (track.Kind == MediaTrackKind.Cover)
        {
            _codecs.AddRange([string.Create(CultureInfo.InvariantCulture, $"-disposition:{count}"), "attached_pic"]);
        }

        count++;
        if (codec == "mov_text" && track.Codec is "ass" or "ssa")
        {
            _notes.Add($"Subtitles ({track.Codec}) were converted for {container.Extension}, which keeps their text but not their styles.");
        }

        return null;
    }

    private static string? SubtitleCodec(string codec, OutputContainer container)
    {
        bool isText = TextSubtitles.Contains(codec);
        if (container.HoldsAttachments) // Matroska
        {
            return codec is "mov_text" or "text" ? "srt"
                : isText || PictureSubtitles.Contains(codec) ? "copy"
                : null;
        }

        return codec == "mov_text" ? "copy"
            : isText ? "mov_text"
            : null;
    }
}
