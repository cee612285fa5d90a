using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>Attention within each frame, then from each position to the audio tokens of its frame; residual around the whole.</summary>
internal sealed class SpatialTransformer : nn.Module
{
    private const double NormEpsilon = 1e-6;

    [ComponentName(Name = "norm")]
    private readonly GroupNormLayer _norm;

    // A 1x1 convolution or a linear layer, by configuration: the same arithmetic, weights of 4 or 2 axes.
    [ComponentName(Name = "proj_in")]
    private readonly ModelLayer _input;

    [ComponentName(Name = "transformer_blocks")]
    private readonly ModuleList<SpatialTransformerBlock> _blocks;

    [ComponentName(Name = "proj_out")]
    private readonly ModelLayer _output;

    private readonly string _path;

    public SpatialTransformer(UNetSettings settings, string path, int channels, int headCount)
        : base(nameof(SpatialTransformer))
    {
        _path = path;
        int headDim = channels / headCount;
        int innerWidth = headCount * headDim;
        _norm = settings.GroupNorm(settings.Configuration.NormNumGroups, channels, NormEpsilon);
        bool linear = settings.Configuration.UseLinearProjection;
        _input = linear ? settings.Linear(channels, innerWidth) : settings.Conv1x1(channels, innerWidth);
        _blocks = new ModuleList<SpatialTransformerBlock>(
            new SpatialTransformerBlock(settings, $"{path}.transformer_blocks.0", innerWidth, headCount, headDim)
        );
        _output = linear ? settings.Linear(innerWidth, channels) : settings.Conv1x1(innerWidth, channels);
        RegisterComponents();
    }

    /// <summary>(b·f, h, w, C) to the same shape.</summary>
    public Tensor Forward(Tensor hidden, UNetPass pass)
    {
        pass.ThrowIfCancelled();
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = hidden.NormalizeFrames(_norm).Then(x => Project(x, _input)).Then(x => x.ToTokens()); // (b·f, h·w, C)
        foreach (SpatialTransformerBlock block in _blocks)
        {
            tokens = tokens.Then(x => block.Forward(x, pass));
        }
        Tensor output = tokens.Then(x => x.ToPictures(hidden)).Then(x => Project(x, _output)).ThenAdd(hidden); // (b·f, h, w, C)
        pass.Observe(_path, output);
        return output.MoveToOuterDisposeScope();
    }

    private static Tensor Project(Tensor hidden, ModelLayer projection) =>
        projection is Conv2dLayer convolution ? hidden.Convolve(convolution) : projection.call(hidden);
}

/// <summary>x + selfAttention(norm1(x)), + audioAttention(norm2(x)), + feedForward(norm3(x)).</summary>
internal sealed class SpatialTransformerBlock : nn.Module
{
    [ComponentName(Name = "norm1")]
    private readonly TokenNormLayer _norm1;

    [ComponentName(Name = "attn1")]
    private readonly MultiHeadAttention _selfAttention;

    [ComponentName(Name = "norm2")]
    private readonly TokenNormLayer? _norm2;

    [ComponentName(Name = "attn2")]
    private readonly MultiHeadAttention? _audioAttention;

    [ComponentName(Name = "norm3")]
    private readonly TokenNormLayer _norm3;

    [ComponentName(Name = "ff")]
    private readonly FeedForwardNetwork _feedForward;

    private readonly string _path;

    public SpatialTransformerBlock(UNetSettings settings, string path, int width, int headCount, int headDim)
        : base(nameof(SpatialTransformerBlock))
    {
        _path = path;
        _norm1 = settings.TokenNorm(width);
        _selfAttention = new MultiHeadAttention(settings, "unet.spatial-self", width, width, headCount, headDim);
        if (settings.Configuration.AddAudioLayer)
        {
            _norm2 = settings.TokenNorm(width);
            _audioAttention = new MultiHeadAttention(
                settings,
                "unet.audio-cross",
                width,
                settings.Configuration.CrossAttentionDim,
                headCount,
                headDim
            );
        }
        _norm3 = settings.TokenNorm(width);
        _feedForward = new FeedForwardNetwork(width, settings.Dtype, settings.Device);
        RegisterComponents();
    }

    /// <summary>(b·f, L, C) to the same shape.</summary>
    public Tensor Forward(Tensor input, UNetPass pass)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor attended = _norm1.call(input).Then(x => _selfAttention.Forward(x, x)); // (b·f, L, C)
        pass.ObserveAsIs($"{_path}.attn1", attended);
        Tensor tokens = attended.ThenAdd(input);
        if (_audioAttention is not null && pass.HasContext)
        {
            tokens = tokens.Then(x => AddAudio(x, pass));
        }
        Tensor fed = _norm3.call(tokens).Then(_feedForward.Forward); // (b·f, L, C)
        pass.ObserveAsIs($"{_path}.ff", fed);
        Tensor output = fed.ThenAdd(tokens);
        pass.ObserveAsIs(_path, output);
        return output.MoveToOuterDisposeScope();
    }

    private Tensor AddAudio(Tensor tokens, UNetPass pass)
    {
        long zero = pass.ZeroContextItems * pass.Frames;
        long rest = tokens.shape[0] - zero;
        if (zero == 0)
        {
            Tensor heard = _norm2!.call(tokens).Then(x => _audioAttention!.Forward(x, pass.AudioTokens!)); // (b·f, L, C)
            pass.ObserveAsIs($"{_path}.attn2", heard);
            return heard.ThenAdd(tokens);
        }
        Tensor silent = tokens.narrow(0, 0, zero).Plus(_audioAttention!.OutputOfZeroContext); // (zero, L, C): keys and values are all zero
        if (rest == 0)
        {
            return silent;
        }

        Tensor speaking = tokens.narrow(0, zero, rest); // (rest, L, C)
        Tensor spoken = _norm2!.call(speaking).Then(x => _audioAttention!.Forward(x, pass.AudioTokens!)).ThenAdd(speaking);
        return cat([silent, spoken], 0); // (b·f, L, C)
    }
}
