using System.Runtime.CompilerServices;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Evaluation.Confidence;

/// <summary>A video's frames at 25 per second, whatever its own rate: at each 1/25 s the nearest frame, so that some are repeated or left
/// out.</summary>
internal static class ConstantRateFrames
{
    public const int FrameRate = 25;

    /// <summary>The frames first, first + 1, ... at 25 per second.</summary>
    /// <param name="reader">The video.</param>
    /// <param name="first">Index of the first frame.</param>
    /// <param name="count">How many; null: to the end.</param>
    /// <param name="cancellationToken">Stops the decoding.</param>
    /// <returns>Index and picture. The picture is valid until the next step; its own index is the one in the source.</returns>
    public static async IAsyncEnumerable<(long Index, VideoFrame Frame)> ReadAsync(
        VideoReader reader,
        long first = 0,
        long? count = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        long? end = first + count;
        long sourceFirst = SourceIndex(first, reader.FrameRate);
        IAsyncEnumerable<VideoFrame> source = end is { } stop
            ? reader.ReadRangeAsync(sourceFirst, SourceIndex(stop - 1, reader.FrameRate) - sourceFirst + 1, cancellationToken)
            : reader.ReadAsync(cancellationToken);
        long next = first;
        await foreach (VideoFrame frame in source.ConfigureAwait(false))
        {
            using (frame)
            {
                for (; SourceIndex(next, reader.FrameRate) == frame.Index && !(next >= end); next++)
                {
                    yield return (next, frame);
                }
            }
        }
    }

    /// <summary>The source's frame nearest to frame <paramref name="index"/> of 25 per second; of two equally near ones the
    /// later.</summary>
    internal static long SourceIndex(long index, Rational rate)
    {
        Int128 twice = (Int128)2 * index * rate.Numerator;
        Int128 unit = (Int128)FrameRate * rate.Denominator;
        return (long)((twice + unit) / (2 * unit));
    }
}
