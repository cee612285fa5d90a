using static TorchSharp.torch;

namespace LatentSync.Chunks;

/// <summary>What a chunk is generated from. The tensors belong to the caller and are not modified; any device, converted as
/// needed.</summary>
/// <param name="Faces">(f, 3, R, R) float in [-1, 1]: aligned faces, RGB. R is a multiple of the autoencoder's factor.</param>
/// <param name="Mask">(1, R, R) float in [0, 1]: 1 keeps a pixel, 0 generates it.</param>
/// <param name="AudioTokens">(f, S, X): the tokens of each frame.</param>
/// <param name="StartNoise">(1, 4, 1, s, s), standard normal, s = R / 8: one noise picture, the same for every frame and chunk of a
/// run.</param>
public sealed record ChunkInput(Tensor Faces, Tensor Mask, Tensor AudioTokens, Tensor StartNoise);

/// <summary>A generated chunk.</summary>
/// <param name="Composites">(f, 3, R, R) float32 on the CPU, about [-1, 1], not clamped: generated where the mask is 0, the given faces
/// where it is 1.</param>
/// <param name="Latents">(1, 4, f, s, s) float32 on the CPU: the denoised latents, scaled.</param>
public sealed record ChunkResult(Tensor Composites, Tensor Latents) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Composites.Dispose();
        Latents.Dispose();
    }
}

/// <summary>A finished denoising step.</summary>
/// <param name="Number">Counted from 1.</param>
/// <param name="Total">Steps of the chunk.</param>
/// <param name="Timestep">The training step that it started from.</param>
public readonly record struct ChunkStep(int Number, int Total, int Timestep);

/// <summary>Sees intermediate values of a chunk; the tensor is valid during the call only and must not be modified.
/// To keep it, clone it and move the clone to a dispose scope of your own.</summary>
/// <param name="name">"mask_latents" (1, 1, 1, s, s), "masked_image_latents" and "reference_latents" (1, 4, f, s, s), "latents" after each
/// step.</param>
/// <param name="value">On the network's device.</param>
public delegate void ChunkObserver(string name, Tensor value);
