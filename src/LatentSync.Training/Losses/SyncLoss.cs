using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Losses;

/// <summary>The embeddings of the two halves of a synchronisation network.</summary>
/// <param name="frames">What its visual half takes.</param>
/// <param name="mel">What its audio half takes, (b, 1, 80, T).</param>
/// <returns>Both (b, D), new; the caller disposes them.</returns>
public delegate (Tensor Visual, Tensor Audio) SyncEmbedding(Tensor frames, Tensor mel);

/// <summary>How far lips and sound are from being in step, as a synchronisation network sees it: cross-entropy of the cosine of its two
/// embeddings.</summary>
/// <remarks>
/// Lip-sync expert of Wav2Lip, arXiv:2008.10010, section 3.1.1. A cosine is a probability here because both embeddings end in a ReLU.
/// </remarks>
internal sealed class SyncLoss
{
    private readonly SyncEmbedding _embed;

    /// <summary>Creates the loss.</summary>
    /// <param name="embed">The network.</param>
    public SyncLoss(SyncEmbedding embed)
    {
        ArgumentNullException.ThrowIfNull(embed);
        _embed = embed;
    }

    /// <summary>The loss of frames that ought to fit the sound.</summary>
    /// <param name="frames">What the visual half takes; of decoded frames <see cref="ArrangePixels"/>, of latents
    /// <see cref="FrameBatch.StackInChannels"/>.</param>
    /// <param name="mel">(b, 1, 80, T), the mel window of the same frames.</param>
    /// <returns>A scalar, float32 (float64 for float64 embeddings).</returns>
    public Tensor Forward(Tensor frames, Tensor mel)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor visual, Tensor audio) = _embed(frames, mel);
        using Tensor target = ones([visual.shape[0]], ScalarType.Float32, visual.device);
        return Of(visual, audio, target).MoveToOuterDisposeScope();
    }

    /// <summary>Mean binary cross-entropy of the cosines against the targets.</summary>
    /// <param name="visual">(b, D), any length. Not modified.</param>
    /// <param name="audio">(b, D), any length. Not modified.</param>
    /// <param name="targets">(b), 1 in step, 0 not.</param>
    /// <returns>A scalar, float32 (float64 for float64 embeddings); the logarithms are bounded by 100, as PyTorch's are.</returns>
    public static Tensor Of(Tensor visual, Tensor audio, Tensor targets)
    {
        using DisposeScope scope = NewDisposeScope();
        ScalarType compute = visual.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        Tensor cosine = nn.functional.cosine_similarity(visual.to(compute), audio.to(compute), 1); // (b)
        // Rounding can lead a little beyond 1, which binary_cross_entropy refuses.
        Tensor probability = cosine.clamp(Scalars.Zero, Scalars.One);
        return nn.functional.binary_cross_entropy(probability, targets.to(compute)).MoveToOuterDisposeScope();
    }

    /// <summary>Decoded frames as the pixel network takes them: resized, lower half, all frames in the channels.</summary>
    /// <param name="frames">(b·f, 3, H, W) in [-1, 1], frame fastest. Not modified.</param>
    /// <param name="framesPerClip">f, 16 in the released network.</param>
    /// <param name="side">Side of the network's pictures before halving, even. Default 256.</param>
    /// <returns>(b, f·3, side/2, side), channel = frame · 3 + colour.</returns>
    /// <exception cref="ArgumentException">f does not divide the frames, or the side is odd.</exception>
    public static Tensor ArrangePixels(Tensor frames, int framesPerClip, int side = 256)
    {
        if (side < 2 || side % 2 != 0)
        {
            throw new ArgumentException($"A side of {side} pixels has no lower half; an even number is required.", nameof(side));
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor resized = FrameBatch.Resize(frames, side); // (b·f, 3, side, side)
        return FrameBatch.StackInChannels(FrameBatch.LowerHalf(resized), framesPerClip).MoveToOuterDisposeScope();
    }
}
