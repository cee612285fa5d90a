using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Layers;
using LatentSync.Models.Loading;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>
/// The denoising network of LatentSync: predicts the noise in the latents of the frames of a chunk, from the picture around the mouth, a
/// reference picture, and the audio tokens of each frame.
/// </summary>
/// <remarks>
/// The original's class of the same name with its state-dictionary keys. Frames of a chunk influence each other through the norms of the
/// resnets and the temporal layers, so several chunks run side by side along b only. Call it inside <c>no_grad</c> for inference:
/// the parameters ask for gradients.
/// </remarks>
public sealed class UNet3DConditionModel : nn.Module
{
    [ComponentName(Name = "conv_in")]
    private readonly Conv2dLayer _inputConvolution;

    [ComponentName(Name = "time_embedding")]
    private readonly TimestepEmbedding _timeEmbedding;

    [ComponentName(Name = "down_blocks")]
    private readonly ModuleList<DownBlock> _downBlocks;

    [ComponentName(Name = "up_blocks")]
    private readonly ModuleList<UpBlock> _upBlocks;

    [ComponentName(Name = "mid_block")]
    private readonly MidBlock _midBlock;

    [ComponentName(Name = "conv_norm_out")]
    private readonly GroupNormLayer _outputNorm;

    [ComponentName(Name = "conv_out")]
    private readonly Conv2dLayer _outputConvolution;

    private UNet3DConditionModel(UNet3DConfiguration configuration, ScalarType dtype, Device device)
        : base(nameof(UNet3DConditionModel))
    {
        Configuration = configuration;
        UNetSettings settings = new(configuration, dtype, device);
        int finest = configuration.BlockOutChannels[0];
        int[] levels = [.. Enumerable.Range(0, configuration.BlockOutChannels.Count)];
        _inputConvolution = settings.Conv3x3(configuration.InChannels, finest);
        _timeEmbedding = new TimestepEmbedding(settings);
        _downBlocks = new ModuleList<DownBlock>([.. levels.Select(i => new DownBlock(settings, i))]);
        _upBlocks = new ModuleList<UpBlock>([.. levels.Select(i => new UpBlock(settings, i))]);
        _midBlock = new MidBlock(settings);
        _outputNorm = settings.GroupNorm(configuration.NormNumGroups, finest, configuration.NormEpsilon);
        _outputConvolution = settings.Conv3x3(finest, configuration.OutChannels);
        RegisterComponents();
        eval();
    }

    /// <summary>The configuration that the network was built from.</summary>
    public UNet3DConfiguration Configuration { get; }

    /// <summary>Element type of parameters, activations and result.</summary>
    public ScalarType Dtype => _inputConvolution.get_parameter("weight")!.dtype;

    /// <summary>
    /// In training, every resnet, spatial transformer and motion module of the down and up blocks keeps its input only and is computed
    /// again in the backward pass: a third more time, a fraction of the memory. Without recorded gradients it means nothing. Default false.
    /// </summary>
    public bool GradientCheckpointing { get; set; }

    /// <summary>Allocates the network; the parameters hold anything until <see cref="UNetCheckpoint.Load"/> or
    /// <see cref="InitializeForTraining"/> fills them.</summary>
    /// <param name="configuration">The shape.</param>
    /// <param name="dtype">Float32, float16, bfloat16 or float64, of parameters and activations.</param>
    /// <param name="device">Where the parameters live; the meta device gives their names and shapes without memory.</param>
    /// <exception cref="ModelConfigurationException">The configuration contradicts itself.</exception>
    public static UNet3DConditionModel Create(UNet3DConfiguration configuration, ScalarType dtype, Device device)
    {
        configuration.Validate();
        return new UNet3DConditionModel(configuration, dtype, device);
    }

    /// <summary>Memory of the parameters and buffers of a network that does not exist yet, so that a caller can compare it with what the
    /// machine has.</summary>
    /// <param name="configuration">The shape.</param>
    /// <param name="dtype">As for <see cref="Create"/>.</param>
    /// <returns>Bytes; activations come on top.</returns>
    /// <exception cref="ModelConfigurationException">The configuration contradicts itself.</exception>
    public static long CountParameterBytes(UNet3DConfiguration configuration, ScalarType dtype)
    {
        using UNet3DConditionModel outline = Create(configuration, dtype, META);
        return outline.state_dict().Values.Sum(tensor => tensor.numel() * tensor.element_size());
    }

    /// <summary>
    /// The values that the original's training starts from: PyTorch's defaults, zero in <c>conv_in</c>, <c>conv_out</c> and (unless the
    /// configuration says otherwise) the last layer of every temporal transformer, which makes it an identity.
    /// </summary>
    /// <param name="seed">The same seed gives the same weights on the same device and dtype.</param>
    public void InitializeForTraining(long seed)
    {
        Device device = parameters().First().device;
        using Generator generator = new((ulong)seed, device);
        ModelLayer.InitializeAll(this, generator);
        Zeros.Fill(_inputConvolution);
        Zeros.Fill(_outputConvolution);
        foreach (MotionModule motion in MotionModules)
        {
            motion.Initialize(Configuration.MotionModule.ZeroInitialize);
        }
    }

    /// <summary>Makes every temporal layer an identity with PyTorch's default values inside, for files without temporal layers.</summary>
    internal void InitializeTemporalLayers()
    {
        using Generator generator = new(0, parameters().First().device);
        foreach (MotionModule motion in MotionModules)
        {
            ModelLayer.InitializeAll(motion, generator);
            motion.Initialize(zero: true);
        }
    }

    private IEnumerable<MotionModule> MotionModules =>
        _downBlocks.SelectMany(b => b.MotionModules).Concat(_midBlock.MotionModules).Concat(_upBlocks.SelectMany(b => b.MotionModules));

    /// <summary>Predicts the noise.</summary>
    /// <param name="sample">(b, in_channels, f, h, w), any strides and float type, on the network's device. Not modified.</param>
    /// <param name="timesteps">One timestep for all, () or (1), or one per item, (b); integer or float.</param>
    /// <param name="encoderHiddenStates">Audio tokens (b, f, S, X) or (b·f, S, X), frame fastest; null leaves the audio attention
    /// out.</param>
    /// <returns>(b, out_channels, f, h, w) in the network's dtype.</returns>
    /// <exception cref="UNetInputException">A shape does not fit; says which, and what is required.</exception>
    public Tensor forward(Tensor sample, Tensor timesteps, Tensor? encoderHiddenStates) =>
        forward(sample, timesteps, encoderHiddenStates, new UNetForwardOptions());

    /// <inheritdoc cref="forward(Tensor, Tensor, Tensor?)"/>
    /// <param name="sample">As above.</param>
    /// <param name="timesteps">As above.</param>
    /// <param name="encoderHiddenStates">As above, of the items after <see cref="UNetForwardOptions.ZeroContextItems"/>.</param>
    /// <param name="options">Zero contexts, DeepCache, observer, cancellation.</param>
    /// <exception cref="OperationCanceledException">The options' token was cancelled; everything computed so far is disposed.</exception>
    public Tensor forward(Tensor sample, Tensor timesteps, Tensor? encoderHiddenStates, UNetForwardOptions options)
    {
        UNetInputs.CheckSample(Configuration, sample);
        (long batch, long frames) = (sample.shape[0], sample.shape[2]);
        UNetInputs.CheckContext(Configuration, encoderHiddenStates, batch, frames, options.ZeroContextItems);
        using DisposeScope scope = NewDisposeScope();
        Tensor input = sample.to(Dtype);
        input = Configuration.CenterInputSample ? input.Times(2).Minus(1) : input;
        Tensor embedding = _timeEmbedding.Forward(UNetInputs.PerItem(timesteps, batch, sample.device), Dtype, options.Observer); // (b, 4·C0)
        Tensor? tokens = UNetInputs.Fold(encoderHiddenStates, Dtype); // (b'·f, S, X)
        UNetPass pass = new(
            batch,
            frames,
            embedding,
            tokens,
            options.ZeroContextItems,
            options.Observer,
            options.CancellationToken,
            GradientCheckpointing
        );

        Tensor first = ChannelsLast.FromVideo(input).Then(x => x.Convolve(_inputConvolution)); // (b·f, h, w, C0)
        pass.Observe("conv_in", first);
        List<Tensor> skips = [first];
        UpBlock last = _upBlocks[^1];
        Tensor hidden = options.DeepCache?.Recall(sample.shape) ?? DeepPart(skips, pass);
        if (options.DeepCache is { NextPassIsFull: true } cache)
        {
            cache.Remember(hidden, sample.shape);
        }
        hidden = last.ForwardLayer(last.LayerCount - 1, hidden, skips, pass); // (b·f, h, w, C0)
        hidden = last.Finish(hidden, skips, pass);
        options.DeepCache?.Advance();
        return Output(hidden, pass).MoveToOuterDisposeScope();
    }

    // Everything but the last layer of the finest up block: (b·f, h, w, C0 or that of the level below). Leaves the first entry of skips.
    private Tensor DeepPart(List<Tensor> skips, UNetPass pass)
    {
        foreach (DownBlock block in _downBlocks)
        {
            block.Forward(skips, pass);
        }
        Tensor hidden = _midBlock.Forward(skips[^1], pass);
        for (int i = 0; i < _upBlocks.Count; i++)
        {
            bool isLast = i == _upBlocks.Count - 1;
            int layers = isLast ? _upBlocks[i].LayerCount - 1 : _upBlocks[i].LayerCount;
            for (int j = 0; j < layers; j++)
            {
                hidden = _upBlocks[i].ForwardLayer(j, hidden, skips, pass);
            }
            hidden = isLast ? hidden : _upBlocks[i].Finish(hidden, skips, pass);
        }
        return hidden;
    }

    // (b·f, h, w, C0) to (b, out_channels, f, h, w); this non-linearity is SiLU whatever act_fn says.
    private Tensor Output(Tensor hidden, UNetPass pass)
    {
        Tensor normalized = hidden.Then(x =>
            Configuration.PerFrameNorms ? x.NormalizeFrames(_outputNorm) : x.NormalizeChunk(_outputNorm, pass.Frames)
        );
        pass.Observe("conv_norm_out", normalized);
        Tensor activated = normalized.ThenActivate(ActivationKind.Silu);
        pass.Observe("conv_act", activated);
        Tensor output = activated.Then(x => x.Convolve(_outputConvolution)); // (b·f, h, w, out_channels)
        pass.Observe("conv_out", output);
        return output.Then(x => x.ToVideo(pass.Frames)).Then(x => x.contiguous());
    }
}
