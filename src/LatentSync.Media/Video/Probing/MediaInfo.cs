using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Probing;

/// <summary>What a media file holds, as far as this project is concerned.</summary>
public sealed record MediaInfo
{
    /// <summary>As the caller named the file.</summary>
    public required string Path { get; init; }

    /// <summary>Absolute path.</summary>
    public required string FullPath { get; init; }

    /// <summary>ffmpeg's name of the container: "mov,mp4,m4a,3gp,3g2,mj2".</summary>
    public required string Container { get; init; }

    /// <summary>Duration of the whole; null if unknown.</summary>
    public required TimeSpan? Duration { get; init; }

    /// <summary>The video track (the default one, else the first that is no attached picture); null if there is none.</summary>
    public required VideoStreamInfo? Video { get; init; }

    /// <summary>The audio track (the default one, else the first); null if there is none.</summary>
    public required AudioStreamInfo? Audio { get; init; }

    /// <summary>The tracks beside these two.</summary>
    public IReadOnlyList<MediaTrack> OtherTracks { get; init; } = [];

    /// <summary>Number of chapters.</summary>
    public int Chapters => ChapterList.Count;

    /// <summary>The chapters in the file's order.</summary>
    internal IReadOnlyList<MediaChapter> ChapterList { get; init; } = [];

    /// <summary>True for a picture: one frame and no more, whatever the format.</summary>
    public required bool IsStillImage { get; init; }

    /// <summary>Tags of the container that are worth keeping (title, creation_time, ...), without those that describe the container
    /// itself.</summary>
    public required IReadOnlyDictionary<string, string> Tags { get; init; }

    /// <summary>Sentences about what was assumed or will not survive.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Where the file ends by its header, on its own clock; null if unknown.</summary>
    internal TimeSpan? End { get; init; }

    /// <summary>True for a WAV file written to a pipe, whose header has a placeholder near 2 or 4 GiB for its length.</summary>
    internal bool StatesNoLength =>
        Container is "wav" && Audio is { } audio && Duration?.TotalSeconds * audio.SampleRate * audio.Channels > 1 << 28;

    /// <summary>Demuxer to force; null to let ffmpeg look.</summary>
    internal string? PictureDemuxer { get; init; }

    /// <summary>ffmpeg's arguments that open the file safely.</summary>
    internal string[] InputArguments => MediaFile.InputArguments(FullPath, PictureDemuxer);

    /// <summary>The video track.</summary>
    /// <exception cref="MediaException"><see cref="MediaFault.NoVideo"/>.</exception>
    public VideoStreamInfo RequireVideo() =>
        Video
        ?? throw new MediaException(
            MediaFault.NoVideo,
            Audio is null
                ? (Sentence)$"{MediaFile.Show(Path)} ({Container}) has no video track: give a video or a picture."
                : $"{MediaFile.Show(Path)} ({Container}) has no video track, only audio: give a video or a picture.",
            Path
        );

    /// <summary>The audio track.</summary>
    /// <exception cref="MediaException"><see cref="MediaFault.NoAudio"/>.</exception>
    public AudioStreamInfo RequireAudio() =>
        Audio
        ?? throw new MediaException(
            MediaFault.NoAudio,
            $"{MediaFile.Show(Path)} ({Container}) has no audio track: give the speech as an audio file or a video with sound.",
            Path
        );
}
