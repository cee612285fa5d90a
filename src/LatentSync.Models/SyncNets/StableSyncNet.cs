using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Layers;
using LatentSync.Models.Loading;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.SyncNets;

/// <summary>
/// Says how well lips and sound belong together: one encoder for a stack of frames, one for the mel spectrogram of the same time; the
/// cosine of their embeddings is the answer, from 0 (not at all) to 1.
/// </summary>
/// <remarks>bytedance/LatentSync, StableSyncNet. The last activation is a ReLU, so no cosine is below 0. Everything is
/// differentiable.</remarks>
public sealed class StableSyncNet : nn.Module
{
    private const double SmallestNorm = 1e-12;

    [ComponentName(Name = "audio_encoder")]
    private readonly SyncNetEncoder _audioEncoder;

    [ComponentName(Name = "visual_encoder")]
    private readonly SyncNetEncoder _visualEncoder;

    private StableSyncNet(SyncNetConfiguration configuration, ScalarType dtype, Device device)
        : base(nameof(StableSyncNet))
    {
        Configuration = configuration;
        SyncNetSettings settings = new(dtype, device);
        _audioEncoder = new SyncNetEncoder(configuration.Audio, settings, "syncnet.audio");
        _visualEncoder = new SyncNetEncoder(configuration.Visual, settings, "syncnet.visual");
        (Dtype, Device) = (dtype, device);
        RegisterComponents();
    }

    /// <summary>The configuration that the network was built from.</summary>
    public SyncNetConfiguration Configuration { get; }

    /// <summary>Element type that the network was built with.</summary>
    public ScalarType Dtype { get; }

    /// <summary>Where the network was built.</summary>
    public Device Device { get; }

    /// <summary>Trades time for memory in training: blocks keep their inputs only and are computed again in the backward pass. Default
    /// false.</summary>
    public bool GradientCheckpointing
    {
        get => _visualEncoder.GradientCheckpointing;
        set => (_visualEncoder.GradientCheckpointing, _audioEncoder.GradientCheckpointing) = (value, value);
    }

    /// <summary>Allocates the network; the parameters hold anything until a checkpoint or <see cref="InitializeForTraining"/> fills
    /// them.</summary>
    /// <param name="configuration">The shape.</param>
    /// <param name="dtype">Float32, float16, bfloat16 or float64, of parameters and activations.</param>
    /// <param name="device">Where the parameters live; the meta device gives their names and shapes without memory.</param>
    /// <exception cref="ModelConfigurationException">The configuration contradicts itself.</exception>
    public static StableSyncNet Create(SyncNetConfiguration configuration, ScalarType dtype, Device device)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        configuration.Validate();
        return new StableSyncNet(configuration, dtype, device);
    }

    /// <summary>PyTorch's default initialisation of every layer.</summary>
    /// <param name="seed">The same seed gives the same weights on the same device and dtype.</param>
    public void InitializeForTraining(long seed)
    {
        using Generator generator = new((ulong)seed, Device);
        ModelLayer.InitializeAll(this, generator);
    }

    /// <summary>Frames as the visual encoder takes them: its half of each picture, frame by frame in the channels.</summary>
    /// <param name="frames">(B, F, C, R, R): pixels in [-1, 1], or scaled latents. Not modified.</param>
    /// <returns>(B, F·C, H, R), channel = frame · C + channel of the frame.</returns>
    public Tensor Arrange(Tensor frames)
    {
        using DisposeScope scope = NewDisposeScope();
        long rows = frames.shape[3];
        Tensor seen = Configuration.LowerHalf ? frames.narrow(3, rows / 2, rows - (rows / 2)) : frames; // (B, F, C, H, R)
        return seen.flatten(1, 2).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>What the pictures say.</summary>
    /// <param name="visual">(B, F·C, H, W), as from <see cref="Arrange"/>. Not modified.</param>
    /// <returns>(B, D), of length 1, no component below 0.</returns>
    public Tensor EmbedVisual(Tensor visual) => Normalize(_visualEncoder.call(visual));

    /// <summary>What the sound says.</summary>
    /// <param name="audio">(B, 1, 80, columns) of the mel spectrogram. Not modified.</param>
    /// <returns>(B, D), of length 1, no component below 0.</returns>
    public Tensor EmbedAudio(Tensor audio) => Normalize(_audioEncoder.call(audio));

    /// <summary>Both embeddings.</summary>
    /// <param name="visual">As <see cref="EmbedVisual"/>.</param>
    /// <param name="audio">As <see cref="EmbedAudio"/>.</param>
    /// <returns>Each (B, D).</returns>
    public (Tensor Visual, Tensor Audio) Embed(Tensor visual, Tensor audio) => (EmbedVisual(visual), EmbedAudio(audio));

    /// <summary>How well embeddings belong together.</summary>
    /// <param name="visual">(B, D), of length 1.</param>
    /// <param name="audio">(B, D), of length 1.</param>
    /// <returns>(B), the cosine of each pair, in [0, 1] up to rounding.</returns>
    public static Tensor Similarity(Tensor visual, Tensor audio) => nn.functional.cosine_similarity(visual, audio, 1);

    /// <summary>x / max(‖x‖, 1e-12); disposes <paramref name="features"/>.</summary>
    private static Tensor Normalize(Tensor features)
    {
        using DisposeScope scope = NewDisposeScope();
        using (features)
        {
            Tensor flat = features.flatten(1); // (B, D)
            Tensor norm = flat.norm(1, keepdim: true).clamp_min(Scalars.Of(SmallestNorm)); // (B, 1)
            return (flat / norm).MoveToOuterDisposeScope();
        }
    }
}
