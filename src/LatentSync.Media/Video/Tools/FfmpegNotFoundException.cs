using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Tools;

/// <summary>ffmpeg or ffprobe is not on this machine, does not start, or lacks an encoder. The message says what to type.</summary>
public sealed class FfmpegNotFoundException : MediaException, IFault
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What was looked for, where, and the remedy.</param>
    /// <param name="remedy">The command to type, or the place to get it from.</param>
    /// <param name="triedPaths">Files that were tried.</param>
    public FfmpegNotFoundException(Sentence message, string remedy, IReadOnlyList<string> triedPaths)
        : base(MediaFault.ToolMissing, message)
    {
        Remedy = remedy;
        TriedPaths = triedPaths;
    }

    /// <summary>The command that installs ffmpeg here, for instance "sudo apt-get install ffmpeg".</summary>
    public string Remedy { get; }

    /// <summary>Files that were tried, in order.</summary>
    public IReadOnlyList<string> TriedPaths { get; }

    Sentence? IFault.Remedy => Remedy;
}
