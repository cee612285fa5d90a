using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Tools;

/// <summary>ffmpeg or ffprobe ended with an error, or died.</summary>
public sealed class FfmpegFailedException : MediaException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="fault"><see cref="MediaFault.ToolFailed"/>, or the cause that its output tells.</param>
    /// <param name="message">What it was doing and its own last words.</param>
    /// <param name="exitCode">Its exit code; 128 + n when signal n killed it.</param>
    /// <param name="errorOutput">The last lines of its standard error, at most 8192 characters.</param>
    /// <param name="path">The file concerned.</param>
    public FfmpegFailedException(MediaFault fault, Sentence message, int exitCode, string errorOutput, string? path)
        : base(fault, message, path)
    {
        ExitCode = exitCode;
        ErrorOutput = errorOutput;
    }

    /// <summary>Exit code of the process; 128 + n when signal n killed it.</summary>
    public int ExitCode { get; }

    /// <summary>The last lines of its standard error, at most 8192 characters.</summary>
    public string ErrorOutput { get; }
}
