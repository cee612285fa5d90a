using System.Runtime.CompilerServices;
using LatentSync.Media.Video.Probing;

namespace LatentSync.Media.Video.Reading;

/// <summary>Frames for an output of any length from a source of any length, in bounded memory.</summary>
/// <remarks>A source that fits into the memory bound is decoded once. A longer one is decoded again for every pass; a backward pass decodes
/// it once per segment, last segment first, so its price grows with the square of the length: (length / segment)² / 2 segments.</remarks>
public sealed class FrameSequence
{
    /// <summary>Default of the memory bound: 256 MiB, 43 frames of 1920x1080.</summary>
    public const long DefaultSegmentBytes = 256L << 20;

    private readonly VideoReader _reader;
    private readonly ExtendPolicy _policy;
    private readonly long _segmentFrames;

    /// <summary>Makes a sequence.</summary>
    /// <param name="reader">The source.</param>
    /// <param name="policy">What follows its last frame.</param>
    /// <param name="segmentBytes">Bytes of frames held at once, besides the reader's prefetch; at least one frame is held.</param>
    public FrameSequence(VideoReader reader, ExtendPolicy policy, long segmentBytes = DefaultSegmentBytes)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentOutOfRangeException.ThrowIfLessThan(segmentBytes, 1);
        _reader = reader;
        _policy = policy;
        _segmentFrames = Math.Max(1, segmentBytes / reader.FrameBytes);
    }

    /// <summary>Yields the frames of an output.</summary>
    /// <param name="outputFrames">Frames asked for; fewer come only with <see cref="ExtendPolicy.Stop"/>.</param>
    /// <param name="cancellationToken">Stops decoding and the enumeration.</param>
    /// <exception cref="MediaException">As <see cref="VideoReader.ReadAsync"/>.</exception>
    public async IAsyncEnumerable<SequencedFrame> ReadAsync(
        long outputFrames,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegative(outputFrames);
        if (outputFrames == 0)
        {
            yield break;
        }

        // First pass. Copies of the frames are kept while they fit; the last one is always known by staying one frame behind.
        List<VideoFrame>? kept = MayFit(outputFrames) ? [] : null;
        VideoFrame? last = null;
        long output = 0;
        await foreach (VideoFrame frame in _reader.ReadRangeAsync(0, outputFrames, cancellationToken).ConfigureAwait(false))
        {
            kept = Keep(kept, frame);
            if (_policy == ExtendPolicy.Hold)
            {
                (VideoFrame? previous, last) = (last, frame);
                if (previous is not null)
                {
                    yield return new SequencedFrame(previous, output++);
                }
            }
            else
            {
                yield return new SequencedFrame(frame, output++);
            }
        }

        if (last is not null)
        {
            for (; output < outputFrames; output++)
            {
                yield return new SequencedFrame(last.Clone(), output);
            }

            last.Dispose();
            yield break;
        }

        long sourceFrames = output;
        while (output < outputFrames && _policy != ExtendPolicy.Stop)
        {
            bool backward = _policy == ExtendPolicy.PingPong && output / sourceFrames % 2 == 1;
            long count = Math.Min(sourceFrames, outputFrames - output);
            IAsyncEnumerable<VideoFrame> pass =
                kept is not null ? Copies(kept, backward, count)
                : backward ? BackwardAsync(sourceFrames, count, cancellationToken)
                : _reader.ReadRangeAsync(0, count, cancellationToken);
            long before = output;
            await foreach (VideoFrame frame in pass.ConfigureAwait(false))
            {
                yield return new SequencedFrame(frame, output++);
            }

            if (output - before != count)
            {
                throw new MediaException(
                    MediaFault.Corrupt,
                    $"{MediaFile.Show(_reader.Media.Path)} gave {sourceFrames} frames at first and {output - before} of "
                        + $"{count} when read again: it changed during the run.",
                    _reader.Media.Path
                );
            }
        }
    }

    /// <summary>False when the file itself tells that it is longer than the bound, or when one pass suffices.</summary>
    private bool MayFit(long outputFrames) =>
        _policy is ExtendPolicy.PingPong or ExtendPolicy.Loop
        && !(_reader.Stream.ExpectedFrames is { } expected && (expected > _segmentFrames || expected > outputFrames));

    private List<VideoFrame>? Keep(List<VideoFrame>? kept, VideoFrame frame)
    {
        if (kept is null || kept.Count >= _segmentFrames)
        {
            return null;
        }

        kept.Add(frame.Clone());
        return kept;
    }

    private static async IAsyncEnumerable<VideoFrame> Copies(List<VideoFrame> kept, bool backward, long count)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        for (int i = 0; i < count; i++)
        {
            yield return kept[backward ? kept.Count - 1 - i : i].Clone();
        }
    }

    /// <summary>The last <paramref name="count"/> frames, last first, one segment in memory at a time.</summary>
    private async IAsyncEnumerable<VideoFrame> BackwardAsync(
        long sourceFrames,
        long count,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        long stop = sourceFrames - count;
        for (long end = sourceFrames; end > stop; )
        {
            long start = Math.Max(stop, end - _segmentFrames);
            var segment = new List<VideoFrame>();
            await foreach (VideoFrame frame in _reader.ReadRangeAsync(start, end - start, cancellationToken).ConfigureAwait(false))
            {
                segment.Add(frame);
            }

            for (int i = segment.Count - 1; i >= 0; i--)
            {
                yield return segment[i];
            }

            end = start;
        }
    }
}
