using System.Globalization;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Video.Reading;

/// <summary>Finds out whether a file ends before its own header says, so that it is only said of files that do.</summary>
internal static class TruncationCheck
{
    /// <summary>What ffmpeg's demuxers say when a file ends in the middle.</summary>
    private static readonly string[] Complaints =
    [
        "partial file",
        "ended prematurely",
        "truncated",
        "truncating",
        "unexpected end of file",
    ];

    /// <summary>Shorter than this by so much is looked into: containers round, codecs add their start-up and last packets.</summary>
    /// <param name="stated">Length by the header in seconds.</param>
    public static double Slack(double stated) => 0.15 + (0.01 * stated);

    /// <summary>True when the file is cut off. Less decoded than expected is only a suspicion: a track may end before the others, begin
    /// late, or hide frames behind an edit list. A demuxer that complains, or packets of all tracks that end before the header's end,
    /// prove it.</summary>
    /// <param name="media">The file.</param>
    /// <param name="errors">What ffmpeg said while decoding.</param>
    /// <param name="tools">ffprobe to use.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<bool> IsCutAsync(MediaInfo media, ErrorTail errors, FfmpegTools tools, CancellationToken cancellationToken)
    {
        if (Complains(errors) || EndsWithinPacket(media) || media.Audio?.CutFrom is not null)
        {
            return true;
        }

        if (media.End is not { } end || media.StatesNoLength)
        {
            return false;
        }

        double? last = await LastPacketEndAsync(media, tools, cancellationToken).ConfigureAwait(false);
        return last < end.TotalSeconds - Slack(media.Duration?.TotalSeconds ?? 0);
    }

    /// <summary>True when a demuxer said that the file ended in the middle.</summary>
    public static bool Complains(ErrorTail errors) => Complaints.Any(c => errors.Text.Contains(c, StringComparison.OrdinalIgnoreCase));

    /// <summary>True for a transport stream that is not made of whole packets: of 188 bytes, 192 with a time stamp, 204 with checksums.
    /// Nothing else tells that one was cut.</summary>
    public static bool EndsWithinPacket(MediaInfo media)
    {
        if (media.Container is not "mpegts")
        {
            return false;
        }

        long length = new FileInfo(media.FullPath).Length;
        return length % 188 != 0 && length % 192 != 0 && length % 204 != 0;
    }

    private static async Task<double?> LastPacketEndAsync(MediaInfo media, FfmpegTools tools, CancellationToken cancellationToken)
    {
        await using ChildProcess ffprobe = ChildProcess.Start(
            tools.FfprobePath,
            ["-v", "quiet", "-show_entries", "packet=pts_time,dts_time,duration_time", "-of", "csv=p=0", .. media.InputArguments],
            writesInput: false,
            cancellationToken
        );
        double? last = null;
        using (var reader = new StreamReader(ffprobe.Output, leaveOpen: true))
        {
            while (await reader.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
            {
                string[] parts = line.Split(',');
                double? start = Number(parts, 0) ?? Number(parts, 1);
                if (start + (Number(parts, 2) ?? 0) is { } packetEnd && !(packetEnd <= last))
                {
                    last = packetEnd;
                }
            }
        }

        await ffprobe.WaitAsync().ConfigureAwait(false);
        return last;
    }

    private static double? Number(string[] parts, int index) =>
        index < parts.Length && double.TryParse(parts[index], NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : null;
}
