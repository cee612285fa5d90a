using LatentSync.Foundation.Files;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Video.Reading;

/// <summary>The picture and the speech of a run, and how their times relate.</summary>
/// <param name="Picture">The file of the picture.</param>
/// <param name="Sound">The file of the speech; the same object when it is the same file, whatever its name.</param>
/// <param name="Timeline">The common time axis of one file; null when picture and speech come from two files, which both start at
/// zero.</param>
public sealed record MediaSource(MediaInfo Picture, MediaInfo Sound, MediaTimeline? Timeline)
{
    /// <summary>Examines both.</summary>
    /// <param name="picturePath">Video or still picture.</param>
    /// <param name="soundPath">Audio, or video with sound; may be the same file.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="cancellationToken">Stops the examination.</param>
    /// <exception cref="MediaException">See <see cref="MediaProbe.ProbeAsync"/>.</exception>
    public static async Task<MediaSource> OpenAsync(
        string picturePath,
        string soundPath,
        FfmpegTools tools,
        CancellationToken cancellationToken = default
    )
    {
        MediaInfo picture = await MediaProbe.ProbeAsync(picturePath, tools, cancellationToken).ConfigureAwait(false);
        if (FileStatus.Of(soundPath) is not { } file || file.Identity != FileStatus.Of(picturePath)?.Identity)
        {
            return new MediaSource(picture, await MediaProbe.ProbeAsync(soundPath, tools, cancellationToken).ConfigureAwait(false), null);
        }

        return new MediaSource(picture, picture, await MediaTimeline.MeasureAsync(picture, tools, cancellationToken).ConfigureAwait(false));
    }
}
