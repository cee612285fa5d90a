using System.Globalization;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Video.Reading;

/// <summary>Which stored frame of a video each frame at the constant rate shows. Stored frames are counted as they are decoded, from 0: the
/// numbers that OpenCV and <c>ffprobe -show_frames</c> give.</summary>
/// <param name="firstReads">For each stored frame, the first frame at the constant rate that can show it; rising.</param>
internal sealed class StoredFrameMap(IReadOnlyList<long> firstReads)
{
    private readonly long[] _firstReads = [.. firstReads];

    /// <summary>Number of stored frames.</summary>
    public int Count => _firstReads.Length;

    /// <summary>The stored frame that a frame shows: the last one whose time has come.</summary>
    /// <param name="readIndex">Index at the constant rate.</param>
    public long StoredIndex(long readIndex)
    {
        int after = 0;
        for (int end = _firstReads.Length; after < end; )
        {
            int middle = (after + end) / 2;
            (after, end) = _firstReads[middle] <= readIndex ? (middle + 1, end) : (after, middle);
        }

        return Math.Max(0, after - 1);
    }

    /// <summary>Makes the map from times, as the rate filter places frames: at the nearest moment of the constant rate.</summary>
    /// <param name="microseconds">Presentation times of the stored frames, the first one's being the begin of the picture.</param>
    /// <param name="rate">The constant rate.</param>
    /// <param name="leadingFrames">How often the first frame is repeated before its time.</param>
    public static StoredFrameMap Of(IEnumerable<long> microseconds, Rational rate, long leadingFrames)
    {
        const double Rounded = 1e-6; // times in microseconds may have been rounded down from the middle of two frames
        double perSecond = rate.ToDouble();
        var firsts = new List<long>();
        foreach (long time in microseconds)
        {
            long first = leadingFrames + (long)Math.Floor((((time * 1e-6) + Rounded) * perSecond) + 0.5);
            firsts.Add(firsts.Count > 0 ? Math.Max(first, firsts[^1]) : first);
        }

        return new StoredFrameMap(firsts);
    }

    /// <summary>True when every stored frame is one frame at the constant rate, so that both are counted alike; false too when the file
    /// does not tell. Reads the packets without decoding them.</summary>
    internal static async Task<bool> IsOneToOneAsync(VideoReader video, FfmpegTools tools, CancellationToken cancellationToken)
    {
        if (video.Media.IsStillImage || video.LeadingFrames > 0)
        {
            return video.LeadingFrames == 0;
        }

        string stream = video.Stream.StreamIndex.ToString(CultureInfo.InvariantCulture);
        await using ChildProcess ffprobe = ChildProcess.Start(
            tools.FfprobePath,
            [
                "-v",
                "quiet",
                "-select_streams",
                stream,
                "-show_entries",
                "packet=pts_time,dts_time,flags",
                "-of",
                "csv=p=0",
                .. video.Media.InputArguments,
            ],
            writesInput: false,
            cancellationToken
        );
        var times = new List<double>();
        using (var lines = new StreamReader(ffprobe.Output, leaveOpen: true))
        {
            while (await lines.ReadLineAsync(cancellationToken).ConfigureAwait(false) is { } line)
            {
                string[] parts = line.Split(',');
                if (parts.Length >= 3 && !parts[2].Contains('D', StringComparison.Ordinal)) // an edit list hides that one
                {
                    times.Add(Seconds(parts[0]) ?? Seconds(parts[1]) ?? double.NaN); // AVI has the second alone
                }
            }
        }

        await ffprobe.WaitAsync().ConfigureAwait(false);
        times.Sort(); // packets come in decoding order
        double rate = video.FrameRate.ToDouble();
        return times.Select((time, i) => Math.Round((time - times[0]) * rate) == i).All(isInPlace => isInPlace);
    }

    private static double? Seconds(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double time) ? time : null;

    /// <summary>Reads the line "stream, dts, pts, duration, size, checksum" of each frame.</summary>
    internal static async IAsyncEnumerable<long> TimesAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            string[] parts = line.Split(',', StringSplitOptions.TrimEntries);
            if (
                parts.Length >= 6
                && !line.StartsWith('#')
                && long.TryParse(parts[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long time)
            )
            {
                yield return time;
            }
        }
    }
}
