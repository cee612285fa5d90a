using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.Autoencoders;

/// <summary>What every block of one autoencoder shares.</summary>
/// <param name="Groups">Of every group norm.</param>
/// <param name="Activation">Of the resnets.</param>
/// <param name="Dtype">Of parameters and activations.</param>
/// <param name="Device">Where the parameters live.</param>
/// <param name="Checkpoints">Whether layers keep their inputs only.</param>
internal sealed record BlockSettings(
    long Groups,
    ActivationKind Activation,
    ScalarType Dtype,
    Device Device,
    AutoencoderCheckpoints Checkpoints
)
{
    /// <summary>Epsilon of every group norm of the autoencoder (diffusers' <c>resnet_eps</c> there).</summary>
    public const double Epsilon = 1e-6;

    public GroupNormLayer Norm(long channels) => new(Groups, channels, Epsilon, Dtype, Device);

    public Conv2dLayer Conv3x3(long inChannels, long outChannels) => new(inChannels, outChannels, 3, Dtype, Device, padding: 1);

    public Conv2dLayer Conv1x1(long inChannels, long outChannels) => new(inChannels, outChannels, 1, Dtype, Device);
}

/// <summary>One switch for all layers of an autoencoder: in training each keeps its input only and is computed again in the backward
/// pass.</summary>
internal sealed class AutoencoderCheckpoints
{
    public bool IsOn { get; set; }

    /// <summary>Calls a layer.</summary>
    public Tensor Call(nn.Module<Tensor, Tensor> layer, Tensor input) =>
        IsOn ? GradientCheckpoint.Run([input], layer, (inputs, _) => layer.call(inputs[0])) : layer.call(input);
}

/// <summary>shortcut(x) + conv2(act(norm2(conv1(act(norm1(x)))))).</summary>
internal sealed class AutoencoderResnet : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "norm1")]
    private readonly GroupNormLayer _norm1;

    [ComponentName(Name = "conv1")]
    private readonly Conv2dLayer _conv1;

    [ComponentName(Name = "norm2")]
    private readonly GroupNormLayer _norm2;

    [ComponentName(Name = "conv2")]
    private readonly Conv2dLayer _conv2;

    [ComponentName(Name = "conv_shortcut")]
    private readonly Conv2dLayer? _shortcut;

    private readonly ActivationKind _activation;

    public AutoencoderResnet(BlockSettings settings, long inChannels, long outChannels)
        : base(nameof(AutoencoderResnet))
    {
        _norm1 = settings.Norm(inChannels);
        _conv1 = settings.Conv3x3(inChannels, outChannels);
        _norm2 = settings.Norm(outChannels);
        _conv2 = settings.Conv3x3(outChannels, outChannels);
        _shortcut = inChannels == outChannels ? null : settings.Conv1x1(inChannels, outChannels);
        _activation = settings.Activation;
        RegisterComponents();
    }

    /// <summary>(B, C, H, W) to (B, C', H, W).</summary>
    public override Tensor forward(Tensor input)
    {
        Tensor hidden = _norm1
            .call(input) // (B, C, H, W)
            .ThenActivate(_activation)
            .Then(_conv1) // (B, C', H, W)
            .Then(_norm2)
            .ThenActivate(_activation)
            .Then(_conv2); // (B, C', H, W)
        if (_shortcut is null)
        {
            return hidden.ThenAdd(input);
        }
        using Tensor residual = _shortcut.call(input); // (B, C', H, W)
        return hidden.ThenAdd(residual);
    }
}

/// <summary>Self-attention of the positions of an image, one head as wide as the channels, with group norm and residual.</summary>
internal sealed class AutoencoderAttention : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "group_norm")]
    private readonly GroupNormLayer _norm;

    [ComponentName(Name = "to_q")]
    private readonly LinearLayer _queryProjection;

    [ComponentName(Name = "to_k")]
    private readonly LinearLayer _keyProjection;

    [ComponentName(Name = "to_v")]
    private readonly LinearLayer _valueProjection;

    [ComponentName(Name = "to_out")]
    private readonly ModuleList<LinearLayer> _outputProjection;

    private readonly string _layer;

    public AutoencoderAttention(BlockSettings settings, long channels, string layer)
        : base(nameof(AutoencoderAttention))
    {
        _norm = settings.Norm(channels);
        _queryProjection = new LinearLayer(channels, channels, settings.Dtype, settings.Device);
        _keyProjection = new LinearLayer(channels, channels, settings.Dtype, settings.Device);
        _valueProjection = new LinearLayer(channels, channels, settings.Dtype, settings.Device);
        _outputProjection = new ModuleList<LinearLayer>(new LinearLayer(channels, channels, settings.Dtype, settings.Device));
        _layer = layer;
        RegisterComponents();
    }

    /// <summary>(B, C, h, w) to the same shape.</summary>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = input.flatten(2); // (B, C, L), L = h·w
        tokens = _norm.call(tokens).transpose(1, 2); // (B, L, C)
        Tensor query = _queryProjection.call(tokens).unsqueeze(1); // (B, 1, L, C)
        Tensor key = _keyProjection.call(tokens).unsqueeze(1); // (B, 1, L, C)
        Tensor value = _valueProjection.call(tokens).unsqueeze(1); // (B, 1, L, C)
        Tensor attended = TorchAttention.ScaledDotProductAttention(query, key, value, layer: _layer); // (B, 1, L, C)
        Tensor output = _outputProjection[0].call(attended.squeeze(1)); // (B, L, C)
        output = output.transpose(1, 2).reshape(input.shape); // (B, C, h, w)
        return output.Plus(input).MoveToOuterDisposeScope();
    }
}

/// <summary>Resnet, attention, resnet at the coarsest size.</summary>
internal sealed class AutoencoderMidBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "attentions")]
    private readonly ModuleList<AutoencoderAttention>? _attentions;

    [ComponentName(Name = "resnets")]
    private readonly ModuleList<AutoencoderResnet> _resnets;

    private readonly AutoencoderCheckpoints _checkpoints;

    public AutoencoderMidBlock(BlockSettings settings, long channels, bool hasAttention)
        : base(nameof(AutoencoderMidBlock))
    {
        _checkpoints = settings.Checkpoints;
        _attentions = hasAttention ? new ModuleList<AutoencoderAttention>(new AutoencoderAttention(settings, channels, "vae.mid")) : null;
        _resnets = new ModuleList<AutoencoderResnet>(
            new AutoencoderResnet(settings, channels, channels),
            new AutoencoderResnet(settings, channels, channels)
        );
        RegisterComponents();
    }

    /// <summary>(B, C, h, w) to the same shape.</summary>
    public override Tensor forward(Tensor input)
    {
        Tensor hidden = _checkpoints.Call(_resnets[0], input);
        if (_attentions is not null)
        {
            hidden = hidden.Then(x => _checkpoints.Call(_attentions[0], x));
        }
        return hidden.Then(x => _checkpoints.Call(_resnets[1], x));
    }
}

/// <summary>Halves the size: zeros on the right and at the bottom only, then a 3x3 convolution with stride 2.</summary>
internal sealed class AutoencoderDownsampler : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Conv2dLayer _conv;

    public AutoencoderDownsampler(BlockSettings settings, long channels)
        : base(nameof(AutoencoderDownsampler))
    {
        _conv = new Conv2dLayer(channels, channels, 3, settings.Dtype, settings.Device, stride: 2);
        RegisterComponents();
    }

    /// <summary>(B, C, H, W) to (B, C, H/2, W/2), rounded down.</summary>
    public override Tensor forward(Tensor input) =>
        nn
            .functional.pad(input, [0, 1, 0, 1]) // (B, C, H+1, W+1)
            .Then(_conv); // (B, C, H/2, W/2)
}

/// <summary>Doubles the size by repeating pixels, then a 3x3 convolution.</summary>
internal sealed class AutoencoderUpsampler : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Conv2dLayer _conv;

    public AutoencoderUpsampler(BlockSettings settings, long channels)
        : base(nameof(AutoencoderUpsampler))
    {
        _conv = settings.Conv3x3(channels, channels);
        RegisterComponents();
    }

    /// <summary>(B, C, H, W) to (B, C, 2H, 2W).</summary>
    public override Tensor forward(Tensor input) =>
        nn
            .functional.interpolate(input, scale_factor: [2.0, 2.0], mode: InterpolationMode.Nearest) // (B, C, 2H, 2W)
            .Then(_conv);
}

/// <summary>One level: resnets, each followed by an attention if the level has them, then a change of size.</summary>
internal sealed class AutoencoderLevel : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "attentions")]
    private readonly ModuleList<AutoencoderAttention>? _attentions;

    [ComponentName(Name = "resnets")]
    private readonly ModuleList<AutoencoderResnet> _resnets;

    [ComponentName(Name = "downsamplers")]
    private readonly ModuleList<AutoencoderDownsampler>? _downsamplers;

    [ComponentName(Name = "upsamplers")]
    private readonly ModuleList<AutoencoderUpsampler>? _upsamplers;

    private readonly AutoencoderCheckpoints _checkpoints;

    private AutoencoderLevel(
        BlockSettings settings,
        long inChannels,
        long outChannels,
        int resnetCount,
        bool hasAttention,
        bool down,
        bool up
    )
        : base(nameof(AutoencoderLevel))
    {
        _checkpoints = settings.Checkpoints;
        _attentions = hasAttention
            ? new ModuleList<AutoencoderAttention>([
                .. Enumerable.Range(0, resnetCount).Select(_ => new AutoencoderAttention(settings, outChannels, "vae.level")),
            ])
            : null;
        _resnets = new ModuleList<AutoencoderResnet>([
            .. Enumerable
                .Range(0, resnetCount)
                .Select(i => new AutoencoderResnet(settings, i == 0 ? inChannels : outChannels, outChannels)),
        ]);
        _downsamplers = down ? new ModuleList<AutoencoderDownsampler>(new AutoencoderDownsampler(settings, outChannels)) : null;
        _upsamplers = up ? new ModuleList<AutoencoderUpsampler>(new AutoencoderUpsampler(settings, outChannels)) : null;
        RegisterComponents();
    }

    public static AutoencoderLevel Down(
        BlockSettings settings,
        long inChannels,
        long outChannels,
        int resnets,
        bool hasAttention,
        bool halves
    ) => new(settings, inChannels, outChannels, resnets, hasAttention, down: halves, up: false);

    public static AutoencoderLevel Up(
        BlockSettings settings,
        long inChannels,
        long outChannels,
        int resnets,
        bool hasAttention,
        bool doubles
    ) => new(settings, inChannels, outChannels, resnets, hasAttention, down: false, up: doubles);

    /// <summary>(B, C, H, W) to (B, C', H, W), half or twice that size.</summary>
    public override Tensor forward(Tensor input)
    {
        Tensor? hidden = null;
        for (int i = 0; i < _resnets.Count; i++)
        {
            hidden = hidden is null ? _checkpoints.Call(_resnets[i], input) : hidden.Then(x => _checkpoints.Call(_resnets[i], x)); // (B, C', H, W)
            if (_attentions is not null)
            {
                hidden = hidden.Then(x => _checkpoints.Call(_attentions[i], x));
            }
        }
        return _downsamplers is not null ? hidden!.Then(x => _checkpoints.Call(_downsamplers[0], x))
            : _upsamplers is not null ? hidden!.Then(x => _checkpoints.Call(_upsamplers[0], x))
            : hidden!;
    }
}
