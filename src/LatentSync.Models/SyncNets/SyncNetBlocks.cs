using LatentSync.Attention.Torch;
using LatentSync.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.SyncNets;

/// <summary>Dtype and device of a SyncNet's layers.</summary>
internal sealed record SyncNetSettings(ScalarType Dtype, Device Device)
{
    private const double Epsilon = 1e-6;

    public GroupNormLayer Norm(long channels) => new(SyncNetEncoderConfiguration.Groups, channels, Epsilon, Dtype, Device);

    public Conv2dLayer Conv3x3(long inChannels, long outChannels) => new(inChannels, outChannels, 3, Dtype, Device, padding: 1);

    public Conv2dLayer Conv1x1(long inChannels, long outChannels) => new(inChannels, outChannels, 1, Dtype, Device);

    public LinearLayer Linear(long inFeatures, long outFeatures) => new(inFeatures, outFeatures, Dtype, Device);
}

/// <summary>Convolution, residual blocks each with or without attention behind it, norm, ReLU: to D x 1 x 1.</summary>
internal sealed class SyncNetEncoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv_in")]
    private readonly Conv2dLayer _input;

    // Residual and attention blocks in one list, as the original's keys count them.
    [ComponentName(Name = "down_blocks")]
    private readonly ModuleList<nn.Module<Tensor, Tensor>> _blocks;

    [ComponentName(Name = "norm_out")]
    private readonly GroupNormLayer _outputNorm;

    /// <summary>Blocks keep their inputs only and are computed again in the backward pass.</summary>
    public bool GradientCheckpointing { get; set; }

    public SyncNetEncoder(SyncNetEncoderConfiguration configuration, SyncNetSettings settings, string layer)
        : base(nameof(SyncNetEncoder))
    {
        int channels = configuration.BlockOutChannels[0];
        _input = settings.Conv3x3(configuration.InChannels, channels);
        List<nn.Module<Tensor, Tensor>> blocks = [];
        for (int i = 0; i < configuration.BlockOutChannels.Count; i++)
        {
            int wider = configuration.BlockOutChannels[i];
            blocks.Add(new SyncNetResidual(settings, channels, wider, configuration.DownsampleFactors[i]));
            if (configuration.AttentionBlocks[i])
            {
                blocks.Add(new SyncNetAttention(settings, wider, layer));
            }
            channels = wider;
        }
        _blocks = new ModuleList<nn.Module<Tensor, Tensor>>([.. blocks]);
        _outputNorm = settings.Norm(channels);
        RegisterComponents();
    }

    /// <summary>(B, C, H, W) to (B, D, 1, 1), nothing below 0.</summary>
    public override Tensor forward(Tensor input)
    {
        Tensor hidden = _input.call(input); // (B, C0, H, W)
        foreach (nn.Module<Tensor, Tensor> block in _blocks)
        {
            hidden = hidden.Then(x =>
                GradientCheckpointing ? GradientCheckpoint.Run([x], block, (inputs, _) => block.call(inputs[0])) : block.call(x)
            );
        }
        return hidden.Then(_outputNorm).ThenActivate(ActivationKind.Relu); // (B, D, 1, 1)
    }
}

/// <summary>downsample(shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))))))).</summary>
internal sealed class SyncNetResidual : nn.Module<Tensor, Tensor>
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

    [ComponentName(Name = "downsample_conv")]
    private readonly Conv2dLayer? _downsampling;

    private readonly long[] _padding;

    public SyncNetResidual(SyncNetSettings settings, int inChannels, int outChannels, SyncNetFactor factor)
        : base(nameof(SyncNetResidual))
    {
        _norm1 = settings.Norm(inChannels);
        _conv1 = settings.Conv3x3(inChannels, outChannels);
        _norm2 = settings.Norm(outChannels);
        _conv2 = settings.Conv3x3(outChannels, outChannels);
        _shortcut = inChannels == outChannels ? null : settings.Conv1x1(inChannels, outChannels);
        _downsampling = factor.IsReduction
            ? new Conv2dLayer(outChannels, outChannels, 3, (factor.Vertical, factor.Horizontal), settings.Dtype, settings.Device)
            : null;
        _padding = factor.Padding;
        RegisterComponents();
    }

    /// <summary>(B, C, H, W) to (B, C', H', W').</summary>
    public override Tensor forward(Tensor input)
    {
        Tensor hidden = _norm1
            .call(input) // (B, C, H, W)
            .ThenActivate(ActivationKind.Silu)
            .Then(_conv1) // (B, C', H, W)
            .Then(_norm2)
            .ThenActivate(ActivationKind.Silu)
            .Then(_conv2); // (B, C', H, W)
        using (Tensor? residual = _shortcut?.call(input)) // (B, C', H, W)
        {
            hidden = hidden.ThenAdd(residual ?? input);
        }
        return _downsampling is null ? hidden : hidden.Then(x => nn.functional.pad(x, _padding)).Then(_downsampling); // (B, C', H', W')
    }
}

/// <summary>x + out(tokens of in(norm1(x)) after self-attention and GEGLU), 8 heads, all positions of the picture or spectrogram.</summary>
internal sealed class SyncNetAttention : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "norm1")]
    private readonly GroupNormLayer _norm1;

    [ComponentName(Name = "norm2")]
    private readonly TokenNormLayer _norm2;

    [ComponentName(Name = "norm3")]
    private readonly TokenNormLayer _norm3;

    [ComponentName(Name = "ff")]
    private readonly FeedForwardNetwork _feedForward;

    [ComponentName(Name = "conv_in")]
    private readonly Conv2dLayer _input;

    [ComponentName(Name = "conv_out")]
    private readonly Conv2dLayer _output;

    [ComponentName(Name = "attn")]
    private readonly SyncNetSelfAttention _attention;

    public SyncNetAttention(SyncNetSettings settings, int channels, string layer)
        : base(nameof(SyncNetAttention))
    {
        _norm1 = settings.Norm(channels);
        _norm2 = new TokenNormLayer(channels, settings.Dtype, settings.Device);
        _norm3 = new TokenNormLayer(channels, settings.Dtype, settings.Device);
        _feedForward = new FeedForwardNetwork(channels, settings.Dtype, settings.Device);
        _input = settings.Conv1x1(channels, channels);
        _output = settings.Conv1x1(channels, channels);
        _attention = new SyncNetSelfAttention(settings, channels, layer);
        RegisterComponents();
    }

    /// <summary>(B, C, H, W) to the same shape.</summary>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = _norm1.call(input).Then(_input).flatten(2).transpose(1, 2).contiguous(); // (B, L, C), L = H·W
        tokens = _norm2.call(tokens).Then(_attention).ThenAdd(tokens); // (B, L, C)
        tokens = _norm3.call(tokens).Then(_feedForward.Forward).ThenAdd(tokens); // (B, L, C)
        Tensor hidden = tokens.transpose(1, 2).reshape(input.shape); // (B, C, H, W)
        return hidden.Then(_output).ThenAdd(input).MoveToOuterDisposeScope();
    }
}

/// <summary>softmax(Q Kᵀ / √d) V per head; unlike the U-Net's, with biases on all four projections.</summary>
internal sealed class SyncNetSelfAttention : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "to_q")]
    private readonly LinearLayer _queryProjection;

    [ComponentName(Name = "to_k")]
    private readonly LinearLayer _keyProjection;

    [ComponentName(Name = "to_v")]
    private readonly LinearLayer _valueProjection;

    [ComponentName(Name = "to_out")]
    private readonly ModuleList<LinearLayer> _outputProjection;

    private readonly string _layer;

    public SyncNetSelfAttention(SyncNetSettings settings, int channels, string layer)
        : base(nameof(SyncNetSelfAttention))
    {
        _queryProjection = settings.Linear(channels, channels);
        _keyProjection = settings.Linear(channels, channels);
        _valueProjection = settings.Linear(channels, channels);
        _outputProjection = new ModuleList<LinearLayer>(settings.Linear(channels, channels));
        _layer = layer;
        RegisterComponents();
    }

    /// <summary>(B, L, C) to the same shape.</summary>
    public override Tensor forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor query = SplitHeads(_queryProjection.call(tokens)); // (B, H, L, d)
        Tensor key = SplitHeads(_keyProjection.call(tokens)); // (B, H, L, d)
        Tensor value = SplitHeads(_valueProjection.call(tokens)); // (B, H, L, d)
        Tensor attended = TorchAttention.ScaledDotProductAttention(query, key, value, layer: _layer); // (B, H, L, d)
        Tensor joined = attended.transpose(1, 2).reshape(tokens.shape); // (B, L, C)
        return _outputProjection[0].call(joined).MoveToOuterDisposeScope();
    }

    private static Tensor SplitHeads(Tensor projected) =>
        projected.view(projected.shape[0], projected.shape[1], SyncNetEncoderConfiguration.HeadCount, -1).transpose(1, 2);
}
