using System.Collections.Concurrent;
using LatentSync.Media.Audio;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Autoencoders;
using LatentSync.Training.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.UNets;

/// <summary>What the frozen networks make of a clip, computed once: the distributions of its latents, with and without the mouth, and its
/// audio tokens.</summary>
/// <remarks>The original computes the latents anew at every step and keeps only the audio; with a small network that would be most of the
/// time. Kept for the clips used last, in main memory; the pictures themselves are not needed then.</remarks>
internal sealed class ClipFeatures : IDisposable
{
    private const int FramesPerCall = 16;

    private readonly AutoencoderKL _autoencoder;
    private readonly WhisperEncoder _encoder;
    private readonly AudioFrameClock _clock;
    private readonly Tensor _mask; // (1, R, R)
    private readonly long _budget;
    private readonly ConcurrentDictionary<string, Lazy<Task<Entry>>> _computed = new();
    private readonly Dictionary<string, long> _lastUse = [];
    private long _uses;
    private long _bytes; // of the entries in _lastUse

    /// <summary>Prepares an empty store.</summary>
    /// <param name="autoencoder">Frozen; the caller's.</param>
    /// <param name="encoder">Frozen; the caller's.</param>
    /// <param name="clock">Which rows make a frame's tokens.</param>
    /// <param name="mask">(1, R, R): 1 keep, 0 generated; the caller's.</param>
    /// <param name="budget">Bytes to keep.</param>
    public ClipFeatures(AutoencoderKL autoencoder, WhisperEncoder encoder, AudioFrameClock clock, Tensor mask, long budget)
    {
        (_autoencoder, _encoder, _clock, _mask, _budget) = (autoencoder, encoder, clock, mask, budget);
    }

    /// <summary>Latents of a stretch of frames, drawn from their distributions and scaled.</summary>
    /// <param name="clip">The clip.</param>
    /// <param name="start">First frame.</param>
    /// <param name="count">Frames.</param>
    /// <param name="masked">With the mouth blanked out.</param>
    /// <param name="generator">Source of the draw, on the CPU.</param>
    /// <returns>(c, f, s, s) on the CPU.</returns>
    public Tensor Latents(FaceClip clip, int start, int count, bool masked, Generator generator)
    {
        Entry entry = Find(clip);
        using DisposeScope scope = NewDisposeScope();
        (Tensor mean, Tensor logVariance) = AutoencoderKL.Split((masked ? entry.Masked : entry.Whole).narrow(0, start, count)); // each (f, c, s, s)
        Tensor drawn = AutoencoderKL.Sample(mean, logVariance, randn(mean.shape, generator: generator));
        return _autoencoder.Scale(drawn).permute(1, 0, 2, 3).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Audio tokens of a stretch of frames: (f, S, X) on the CPU.</summary>
    /// <param name="clip">The clip.</param>
    /// <param name="start">First frame.</param>
    /// <param name="count">Frames.</param>
    public Tensor Tokens(FaceClip clip, int start, int count) => Find(clip).Tokens.narrow(0, start, count);

    /// <summary>Begins to compute a clip's features beside the training, which will ask for them soon.</summary>
    /// <param name="clip">The clip.</param>
    public void Prepare(FaceClip clip) => _ = Begin(clip);

    public void Dispose()
    {
        foreach (Lazy<Task<Entry>> entry in _computed.Values)
        {
            // What is still being computed reads networks that are disposed next.
            entry
                .Value.ContinueWith(t => t.IsCompletedSuccessfully ? t.Result : null, TaskScheduler.Default)
                .GetAwaiter()
                .GetResult()
                ?.Dispose();
        }
        _computed.Clear();
    }

    // Only the training's own thread finds and lets go; preparing only adds. So nothing is disposed in use.
    private Entry Find(FaceClip clip)
    {
        Entry entry = Begin(clip).GetAwaiter().GetResult();
        _bytes += _lastUse.ContainsKey(clip.Path) ? 0 : entry.Bytes;
        _lastUse[clip.Path] = ++_uses;
        while (_bytes > _budget && _lastUse.Count > 1)
        {
            string oldest = _lastUse.MinBy(e => e.Value).Key;
            _lastUse.Remove(oldest);
            if (_computed.TryRemove(oldest, out Lazy<Task<Entry>>? dropped))
            {
                _bytes -= dropped.Value.Result.Bytes;
                dropped.Value.Result.Dispose();
            }
        }
        return entry;
    }

    private Task<Entry> Begin(FaceClip clip) =>
        _computed.GetOrAdd(clip.Path, _ => new Lazy<Task<Entry>>(() => Task.Run(() => Compute(clip)))).Value;

    private Entry Compute(FaceClip clip)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> whole = [],
            masked = [];
        for (int start = 0; start < clip.FrameCount; start += FramesPerCall)
        {
            using DisposeScope inner = NewDisposeScope();
            Tensor pixels = clip.Frames(start, Math.Min(FramesPerCall, clip.FrameCount - start), _mask.device); // (n, 3, R, R)
            whole.Add(_autoencoder.EncodeMoments(pixels).cpu().MoveToOuterDisposeScope());
            masked.Add(_autoencoder.EncodeMoments(pixels * _mask).cpu().MoveToOuterDisposeScope());
        }
        LogMel mel = LogMelSpectrogram.Compute(clip.Speech);
        using AudioFeatures features = new(_encoder, mel.Values, mel.Frames);
        Tensor tokens = features.FrameTokens(0, clip.FrameCount, _clock).to(ScalarType.Float32).cpu(); // (n, S, X)
        return new Entry(
            clip.Path,
            cat(whole).DetachFromDisposeScope(),
            cat(masked).DetachFromDisposeScope(),
            tokens.DetachFromDisposeScope()
        );
    }

    private sealed record Entry(string Path, Tensor Whole, Tensor Masked, Tensor Tokens) : IDisposable
    {
        public long Bytes { get; } = sizeof(float) * (Whole.numel() + Masked.numel() + Tokens.numel());

        public void Dispose()
        {
            Whole.Dispose();
            Masked.Dispose();
            Tokens.Dispose();
        }
    }
}
