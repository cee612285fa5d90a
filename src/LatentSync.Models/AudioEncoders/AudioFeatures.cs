using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.AudioEncoders;

/// <summary>
/// The encoder's states of a recording as feature rows, 50 per second, computed when they are first asked for. Only the
/// windows in use are kept (three: 35 MB for Whisper tiny in float32, where the rows of one hour would be 1.4 GB), so ask in
/// the order of time.
/// </summary>
/// <remarks>Not safe for several threads at once.</remarks>
public sealed class AudioFeatures : IDisposable
{
    private const int KeptWindows = 3;

    private readonly WhisperEncoder _encoder;
    private readonly ReadOnlyMemory<float> _logMel;
    private readonly AudioWindows _windows;
    private readonly LinkedList<(int Window, Tensor Rows)> _kept = new();

    /// <summary>Prepares the features of a recording; nothing is computed yet.</summary>
    /// <param name="encoder">The encoder; stays the caller's and must outlive this object.</param>
    /// <param name="logMel">(n_mels, T) row-major, 100 frames per second: the log-mel spectrogram of the whole recording.</param>
    /// <param name="melFrames">T, at least 2.</param>
    /// <param name="windowing">Overlapped by default; isolated for parity with the original.</param>
    /// <exception cref="ArgumentException">The array has another size, or the recording is shorter than one row (20 ms).</exception>
    public AudioFeatures(
        WhisperEncoder encoder,
        ReadOnlyMemory<float> logMel,
        int melFrames,
        AudioWindowing windowing = AudioWindowing.Overlapped
    )
    {
        ArgumentNullException.ThrowIfNull(encoder);
        if (melFrames < 2)
        {
            throw new ArgumentException(
                $"The audio has {melFrames} mel frames of 10 ms; at least 2 are required for one feature row: give a longer recording.",
                nameof(melFrames)
            );
        }
        if (logMel.Length != (long)encoder.Configuration.MelBands * melFrames)
        {
            throw new ArgumentException(
                $"The spectrogram has {logMel.Length} values; {encoder.Configuration.MelBands} bands x {melFrames} frames are required.",
                nameof(logMel)
            );
        }
        (_encoder, _logMel) = (encoder, logMel);
        _windows = new AudioWindows(melFrames, encoder.Configuration.AudioPositions, windowing);
    }

    /// <summary>L: feature rows of the recording, 50 per second.</summary>
    public int RowCount => _windows.RowCount;

    /// <summary>States per row: layers + 1.</summary>
    public int StatesPerRow => _encoder.Configuration.CollectedStates;

    /// <summary>S: channels of a state.</summary>
    public int Width => _encoder.Configuration.AudioWidth;

    /// <summary>Segments that the whole recording is cut into.</summary>
    public int WindowCount => _windows.Count;

    /// <summary>Segments encoded so far, counting repetitions.</summary>
    public int EncodedWindows { get; private set; }

    /// <summary>A stretch of feature rows.</summary>
    /// <param name="start">First row, from 0.</param>
    /// <param name="count">Rows, at least 1.</param>
    /// <returns>(count, layers + 1, S), dtype and device of the encoder.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The stretch leaves the recording.</exception>
    public Tensor Rows(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)start + count, RowCount, nameof(count));
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> pieces = [];
        int row = start;
        while (row < start + count)
        {
            (int stretchEnd, int window, int? fadeStart) = _windows.StretchAt(row);
            int end = Math.Min(stretchEnd, start + count);
            pieces.Add(fadeStart is { } fade ? Faded(window, row, end, fade) : Slice(window, row, end));
            row = end;
        }
        return cat(pieces).MoveToOuterDisposeScope(); // (count, layers + 1, S)
    }

    /// <summary>The audio tokens of one video frame.</summary>
    /// <param name="frameIndex">Video frame, from 0; beyond the recording the last row repeats.</param>
    /// <param name="frameRate">Video frames per second.</param>
    /// <returns>(10 · (layers + 1), S): rows in the order of time, the states of a row in the order of the layers.</returns>
    public Tensor FrameTokens(int frameIndex, double frameRate) => FrameTokens(frameIndex, new AudioFrameClock(frameRate));

    /// <summary>The audio tokens of one video frame with another reach.</summary>
    /// <param name="frameIndex">Video frame, from 0; beyond the recording the last row repeats.</param>
    /// <param name="clock">Frame rate and <c>audio_feat_length</c>.</param>
    /// <returns>(rows per frame · (layers + 1), S).</returns>
    public Tensor FrameTokens(int frameIndex, AudioFrameClock clock)
    {
        int[] indices = clock.RowIndices(frameIndex, RowCount);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = Rows(indices[0], indices[^1] - indices[0] + 1); // the indices rise by 0 or 1
        Tensor order = tensor([.. indices.Select(i => (long)(i - indices[0]))], device: rows.device);
        return rows.index_select(0, order).flatten(0, 1).MoveToOuterDisposeScope(); // (10 · (layers + 1), S)
    }

    /// <summary>The audio tokens of consecutive video frames.</summary>
    /// <param name="firstFrame">First video frame, from 0.</param>
    /// <param name="frameCount">Number of frames, at least 1.</param>
    /// <param name="frameRate">Video frames per second.</param>
    /// <returns>(f, 10 · (layers + 1), S).</returns>
    public Tensor FrameTokens(int firstFrame, int frameCount, double frameRate) =>
        FrameTokens(firstFrame, frameCount, new AudioFrameClock(frameRate));

    /// <summary>The audio tokens of consecutive video frames with another reach.</summary>
    /// <param name="firstFrame">First video frame, from 0.</param>
    /// <param name="frameCount">Number of frames, at least 1.</param>
    /// <param name="clock">Frame rate and <c>audio_feat_length</c>.</param>
    /// <returns>(f, rows per frame · (layers + 1), S).</returns>
    public Tensor FrameTokens(int firstFrame, int frameCount, AudioFrameClock clock)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frameCount, 1);
        using DisposeScope scope = NewDisposeScope();
        Tensor[] frames = [.. Enumerable.Range(firstFrame, frameCount).Select(i => FrameTokens(i, clock))];
        return stack(frames).MoveToOuterDisposeScope();
    }

    /// <summary>Releases the windows that are kept.</summary>
    public void Dispose()
    {
        foreach ((_, Tensor rows) in _kept)
        {
            rows.Dispose();
        }
        _kept.Clear();
    }

    /// <summary>Rows [row, end) of one window.</summary>
    private Tensor Slice(int window, int row, int end) => Encoded(window).narrow(0, row - _windows.FirstRow(window), end - row);

    /// <summary>Rows [row, end) on the way from one window to the next.</summary>
    private Tensor Faded(int window, int row, int end, int fadeStart)
    {
        double[] weights = [.. Enumerable.Range(row, end - row).Select(r => _windows.FadeWeight(r, fadeStart))];
        Tensor weight = tensor(weights, dtype: _encoder.Dtype, device: _encoder.Device).view(-1, 1, 1);
        return Slice(window, row, end).lerp(Slice(window + 1, row, end), weight);
    }

    private Tensor Encoded(int window)
    {
        for (LinkedListNode<(int Window, Tensor Rows)>? node = _kept.First; node is not null; node = node.Next)
        {
            if (node.Value.Window == window)
            {
                return node.Value.Rows;
            }
        }
        Tensor rows = Encode(window);
        _kept.AddLast((window, rows));
        if (_kept.Count > KeptWindows)
        {
            _kept.First!.Value.Rows.Dispose();
            _kept.RemoveFirst();
        }
        return rows;
    }

    private Tensor Encode(int window)
    {
        EncodedWindows++;
        (int start, int length) = _windows.MelRange(window);
        int bands = _encoder.Configuration.MelBands;
        var segment = new float[bands * length];
        for (int band = 0; band < bands; band++)
        {
            _logMel.Span.Slice(band * _windows.MelFrames + start, length).CopyTo(segment.AsSpan(band * length));
        }
        using Tensor mel = tensor(segment, [bands, length]);
        return _encoder.CollectStates(mel).DetachFromDisposeScope(); // (P, layers + 1, S)
    }
}
