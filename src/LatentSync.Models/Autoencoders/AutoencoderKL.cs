using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Layers;
using LatentSync.Models.Loading;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.Autoencoders;

/// <summary>
/// The image autoencoder of Stable Diffusion: pixels in [-1, 1] to a normal distribution over latents, and back.
/// Frames are the batch; nothing mixes them, so any slicing of the batch gives the same numbers.
/// </summary>
/// <remarks>diffusers 0.32.2, AutoencoderKL; state dictionary with diffusers' current key names.</remarks>
public sealed class AutoencoderKL : nn.Module
{
    /// <summary>Bounds of the log-variance (DiagonalGaussianDistribution).</summary>
    private const double MinimumLogVariance = -30,
        MaximumLogVariance = 20;

    [ComponentName(Name = "encoder")]
    private readonly AutoencoderEncoder _encoder;

    [ComponentName(Name = "decoder")]
    private readonly AutoencoderDecoder _decoder;

    [ComponentName(Name = "quant_conv")]
    private readonly Conv2dLayer? _quantConv;

    [ComponentName(Name = "post_quant_conv")]
    private readonly Conv2dLayer? _postQuantConv;

    private readonly AutoencoderCheckpoints _checkpoints = new();

    private AutoencoderKL(AutoencoderConfiguration configuration, ScalarType dtype, Device device)
        : base(nameof(AutoencoderKL))
    {
        Configuration = configuration;
        BlockSettings settings = new(configuration.NormNumGroups, configuration.Activation, dtype, device, _checkpoints);
        long latents = configuration.LatentChannels;
        _encoder = new AutoencoderEncoder(configuration, settings);
        _decoder = new AutoencoderDecoder(configuration, settings);
        _quantConv = configuration.UseQuantConv ? settings.Conv1x1(2 * latents, 2 * latents) : null;
        _postQuantConv = configuration.UsePostQuantConv ? settings.Conv1x1(latents, latents) : null;
        RegisterComponents();
    }

    /// <summary>The configuration that the network was built from.</summary>
    public AutoencoderConfiguration Configuration { get; }

    /// <summary>
    /// While gradients are recorded, also only those of the pixels or latents, every resnet, attention and change of size keeps its input
    /// only and is computed again in the backward pass. Default false.
    /// </summary>
    public bool GradientCheckpointing
    {
        get => _checkpoints.IsOn;
        set => _checkpoints.IsOn = value;
    }

    /// <summary>latent = (z - <see cref="ShiftFactor"/>) · ScalingFactor is what the U-Net sees; <see cref="Encode(Tensor)"/> and
    /// <see cref="Decode(Tensor)"/> deal in z.</summary>
    public double ScalingFactor => Configuration.ScalingFactor;

    /// <summary>Subtracted from z before scaling.</summary>
    public double ShiftFactor => Configuration.ShiftFactor;

    /// <summary>R / s: side of the pixels divided by the side of the latents.</summary>
    public int DownsamplingFactor => Configuration.DownsamplingFactor;

    /// <summary>Allocates the network; the parameters hold anything until a checkpoint or <see cref="InitializeForTraining"/> fills
    /// them.</summary>
    /// <param name="configuration">The shape.</param>
    /// <param name="dtype">Float32, float16, bfloat16 or float64, of parameters and activations.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <exception cref="ModelConfigurationException">The configuration contradicts itself.</exception>
    public static AutoencoderKL Create(AutoencoderConfiguration configuration, ScalarType dtype, Device device)
    {
        configuration.Validate();
        return new AutoencoderKL(configuration, dtype, device);
    }

    /// <summary>PyTorch's default initialisation of every layer.</summary>
    /// <param name="seed">The same seed gives the same weights on the same device and dtype.</param>
    public void InitializeForTraining(long seed)
    {
        Device device = parameters().First().device;
        using Generator generator = new((ulong)seed, device);
        ModelLayer.InitializeAll(this, generator);
    }

    /// <summary>The distribution of the latents of each image.</summary>
    /// <param name="pixels">(n, 3, R, R) in [-1, 1], dtype and device of the network. Not modified.</param>
    /// <returns>Mean and log-variance, each (n, 4, s, s), unscaled; the log-variance is clamped to [-30, 20].</returns>
    public (Tensor Mean, Tensor LogVariance) Encode(Tensor pixels)
    {
        using Tensor moments = EncodeMoments(pixels); // (n, 8, s, s)
        return Split(moments);
    }

    /// <summary>The raw output of encoder and <c>quant_conv</c>.</summary>
    /// <param name="pixels">(n, 3, R, R) in [-1, 1]. Not modified.</param>
    /// <returns>(n, 8, s, s): mean, then log-variance before clamping.</returns>
    public Tensor EncodeMoments(Tensor pixels)
    {
        Tensor moments = _encoder.call(pixels); // (n, 8, s, s)
        return _quantConv is null ? moments : moments.Then(_quantConv);
    }

    /// <summary>A draw from the distribution: mean + exp(logVariance / 2) · noise.</summary>
    /// <param name="mean">(n, 4, s, s).</param>
    /// <param name="logVariance">(n, 4, s, s).</param>
    /// <param name="noise">(n, 4, s, s), standard normal.</param>
    /// <returns>(n, 4, s, s), unscaled.</returns>
    public static Tensor Sample(Tensor mean, Tensor logVariance, Tensor noise)
    {
        using Tensor half = logVariance.Times(0.5);
        using Tensor deviation = half.exp();
        using Tensor spread = deviation * noise;
        return mean.Plus(spread);
    }

    /// <summary>The images of latents.</summary>
    /// <param name="latents">(n, 4, s, s), unscaled, dtype and device of the network. Not modified.</param>
    /// <returns>(n, 3, R, R), about [-1, 1], not clamped.</returns>
    public Tensor Decode(Tensor latents) =>
        _postQuantConv is null
            ? _decoder.call(latents)
            : _postQuantConv
                .call(latents) // (n, 4, s, s)
                .Then(_decoder);

    /// <summary><see cref="Encode(Tensor)"/> in slices of the batch, which bounds the memory of the activations.</summary>
    /// <param name="pixels">(n, 3, R, R).</param>
    /// <param name="sliceSize">Images at a time, at least 1.</param>
    /// <returns>As <see cref="Encode(Tensor)"/>.</returns>
    public (Tensor Mean, Tensor LogVariance) Encode(Tensor pixels, int sliceSize)
    {
        using Tensor moments = InSlices(pixels, sliceSize, EncodeMoments); // (n, 8, s, s)
        return Split(moments);
    }

    /// <summary><see cref="Decode(Tensor)"/> in slices of the batch, which bounds the memory of the activations.</summary>
    /// <param name="latents">(n, 4, s, s).</param>
    /// <param name="sliceSize">Images at a time, at least 1.</param>
    /// <returns>As <see cref="Decode(Tensor)"/>.</returns>
    public Tensor Decode(Tensor latents, int sliceSize) => InSlices(latents, sliceSize, Decode);

    /// <summary>Latents as the U-Net sees them: (z - <see cref="ShiftFactor"/>) · <see cref="ScalingFactor"/>.</summary>
    /// <param name="z">What <see cref="Encode(Tensor)"/> gives, any shape. Not modified.</param>
    /// <returns>The same shape.</returns>
    public Tensor Scale(Tensor z)
    {
        using Tensor shifted = z.Minus(ShiftFactor);
        return shifted.Times(ScalingFactor);
    }

    /// <summary>The way back, to what <see cref="Decode(Tensor)"/> takes: latents / <see cref="ScalingFactor"/> +
    /// <see cref="ShiftFactor"/>.</summary>
    /// <param name="latents">Any shape. Not modified.</param>
    /// <returns>The same shape.</returns>
    public Tensor Unscale(Tensor latents)
    {
        using Tensor spread = latents.Over(ScalingFactor);
        return spread.Plus(ShiftFactor);
    }

    /// <summary>Mean and log-variance, clamped, of what <see cref="EncodeMoments"/> gives.</summary>
    internal static (Tensor Mean, Tensor LogVariance) Split(Tensor moments)
    {
        Tensor[] halves = moments.chunk(2, 1); // 2 x (n, 4, s, s), views
        using Tensor mean = halves[0];
        using Tensor logVariance = halves[1];
        return (mean.clone(), logVariance.clamp(Scalars.Of(MinimumLogVariance), Scalars.Of(MaximumLogVariance)));
    }

    private static Tensor InSlices(Tensor batch, int sliceSize, Func<Tensor, Tensor> compute)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sliceSize, 1);
        if (batch.shape[0] <= sliceSize)
        {
            return compute(batch);
        }
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> results = [];
        for (long start = 0; start < batch.shape[0]; start += sliceSize)
        {
            using Tensor slice = batch.narrow(0, start, Math.Min(sliceSize, batch.shape[0] - start));
            results.Add(compute(slice));
        }
        return cat(results).MoveToOuterDisposeScope();
    }
}
