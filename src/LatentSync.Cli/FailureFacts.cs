using LatentSync.Attention;
using LatentSync.Media;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Tools;
using LatentSync.Platform.Loading;

namespace LatentSync.Cli;

/// <summary>What an exception carries beside its message.</summary>
/// <param name="Code">Stable code such as FAC0103; null: none.</param>
/// <param name="Remedy">What to do; null where only the message tells.</param>
internal sealed record FailureFacts(string? Code, string? Remedy)
{
    /// <summary>The facts of an exception.</summary>
    public static FailureFacts Of(Exception exception) =>
        exception switch
        {
            FfmpegNotFoundException ffmpeg => new(ffmpeg.Code, ffmpeg.Remedy),
            MediaException media => new(media.Code, null),
            FaceException face => new(face.Code, null),
            NativeLoadException native => new(native.Failure.Code, native.Failure.Remedy),
            AttentionUnavailableException attention => new(
                attention.Code,
                attention.ToReport().Remedies is [var first, ..] ? first.Text : null
            ),
            _ => new(null, null),
        };

    /// <summary>The message with its code in front, once.</summary>
    public string Named(string message) => Code is null || message.Contains(Code, StringComparison.Ordinal) ? message : $"{Code} {message}";
}
