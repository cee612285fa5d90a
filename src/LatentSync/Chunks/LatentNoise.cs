using static TorchSharp.torch;

namespace LatentSync.Chunks;

/// <summary>What noise is drawn for.</summary>
public enum LatentNoisePurpose
{
    /// <summary>The latents that the denoising starts from; once per run.</summary>
    Start,

    /// <summary>Sampling the latents of the masked faces; once per chunk.</summary>
    MaskedLatents,

    /// <summary>Sampling the latents of the reference faces; once per chunk, after the masked ones.</summary>
    ReferenceLatents,
}

/// <summary>Standard normal numbers, asked for in the original's order.</summary>
public interface ILatentNoise
{
    /// <summary>Draws.</summary>
    /// <param name="purpose">What for.</param>
    /// <param name="shape">(1, 4, 1, s, s) for the start, (f, 4, s, s) otherwise.</param>
    /// <returns>A new float32 tensor of this shape, on any device.</returns>
    Tensor Draw(LatentNoisePurpose purpose, long[] shape);
}

/// <summary>
/// Noise from a seed, always drawn on the CPU in float32, so that the same seed gives the same video on every device and in every dtype
/// (the original draws on the GPU in its dtype, whose numbers no other machine has).
/// </summary>
public sealed class SeededLatentNoise : ILatentNoise, IDisposable
{
    // An odd constant whose bits are spread (2^64 over the golden ratio): seeds of neighbouring chunks share no pattern.
    private const ulong Spread = 0x9E3779B97F4A7C15;

    private readonly Generator _generator;

    /// <summary>Starts a sequence.</summary>
    /// <param name="seed">Any number.</param>
    public SeededLatentNoise(long seed) => _generator = new Generator((ulong)seed, CPU);

    /// <summary>The noise of one chunk, whatever was drawn before: chunks may be left out, repeated or resumed.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="chunkIndex">Counted from 0.</param>
    public static SeededLatentNoise ForChunk(long seed, int chunkIndex) =>
        new(unchecked((long)((ulong)seed + Spread * ((ulong)chunkIndex + 1))));

    /// <inheritdoc/>
    public Tensor Draw(LatentNoisePurpose purpose, long[] shape) => randn(shape, ScalarType.Float32, CPU, generator: _generator);

    /// <inheritdoc/>
    public void Dispose() => _generator.Dispose();
}
