using LatentSync.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>The temporal layer of one position in the network: attention of each position over the frames of the chunk.</summary>
/// <remarks>AnimateDiff, arXiv:2307.04725, section 4.2.</remarks>
internal sealed class MotionModule : nn.Module
{
    [ComponentName(Name = "temporal_transformer")]
    private readonly TemporalTransformer _transformer;

    private readonly string _path;

    public MotionModule(UNetSettings settings, string path, int channels)
        : base(nameof(MotionModule))
    {
        _path = path;
        _transformer = new TemporalTransformer(settings, $"{path}.temporal_transformer", channels);
        RegisterComponents();
    }

    /// <summary>(b·f, h, w, C) to the same shape.</summary>
    public Tensor Forward(Tensor hidden, UNetPass pass)
    {
        pass.ThrowIfCancelled();
        Tensor output = _transformer.Forward(hidden, pass);
        pass.Observe(_path, output);
        return output;
    }

    /// <summary>What training starts with beyond the default values of the layers: an identity, with positions.</summary>
    public void Initialize(bool zero) => _transformer.Initialize(zero);
}

/// <summary>Group norm per frame, linear in, blocks, linear out; residual around the whole.</summary>
internal sealed class TemporalTransformer : nn.Module
{
    private const double NormEpsilon = 1e-6;

    [ComponentName(Name = "norm")]
    private readonly GroupNormLayer _norm;

    [ComponentName(Name = "proj_in")]
    private readonly LinearLayer _input;

    [ComponentName(Name = "transformer_blocks")]
    private readonly ModuleList<TemporalTransformerBlock> _blocks;

    [ComponentName(Name = "proj_out")]
    private readonly LinearLayer _output;

    private readonly string _path;

    public TemporalTransformer(UNetSettings settings, string path, int channels)
        : base(nameof(TemporalTransformer))
    {
        _path = path;
        MotionModuleConfiguration motion = settings.Configuration.MotionModule;
        int innerWidth = motion.HeadCount * motion.HeadDim(channels);
        _norm = settings.GroupNorm(UNet3DConfiguration.TemporalNormGroups, channels, NormEpsilon);
        _input = settings.Linear(channels, innerWidth);
        _blocks = new ModuleList<TemporalTransformerBlock>([
            .. Enumerable
                .Range(0, motion.BlockCount)
                .Select(i => new TemporalTransformerBlock(
                    settings,
                    $"{path}.transformer_blocks.{i}",
                    innerWidth,
                    motion.HeadDim(channels)
                )),
        ]);
        _output = settings.Linear(innerWidth, channels);
        RegisterComponents();
    }

    /// <summary>(b·f, h, w, C) to the same shape.</summary>
    public Tensor Forward(Tensor hidden, UNetPass pass)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = hidden.NormalizeFrames(_norm).Then(x => x.ToTokens()).Then(_input); // (b·f, h·w, C')
        foreach (TemporalTransformerBlock block in _blocks)
        {
            tokens = tokens.Then(x => block.Forward(x, pass));
        }
        Tensor output = tokens.Then(_output).Then(x => x.ToPictures(hidden)).ThenAdd(hidden); // (b·f, h, w, C)
        pass.Observe(_path, output);
        return output.MoveToOuterDisposeScope();
    }

    public void Initialize(bool zero)
    {
        foreach (TemporalTransformerBlock block in _blocks)
        {
            block.ResetPositions();
        }
        if (zero)
        {
            Zeros.Fill(_output);
        }
    }
}

/// <summary>x + attention(norm(x)) for each attention, then + feedForward(ff_norm(x)).</summary>
internal sealed class TemporalTransformerBlock : nn.Module
{
    [ComponentName(Name = "attention_blocks")]
    private readonly ModuleList<MultiHeadAttention> _attentions;

    [ComponentName(Name = "norms")]
    private readonly ModuleList<TokenNormLayer> _norms;

    [ComponentName(Name = "ff")]
    private readonly FeedForwardNetwork _feedForward;

    [ComponentName(Name = "ff_norm")]
    private readonly TokenNormLayer _feedForwardNorm;

    private readonly string _path;

    public TemporalTransformerBlock(UNetSettings settings, string path, int width, int headDim)
        : base(nameof(TemporalTransformerBlock))
    {
        _path = path;
        MotionModuleConfiguration motion = settings.Configuration.MotionModule;
        int positions = motion.PositionEncoding ? motion.MaximumFrames : 0;
        int[] indices = [.. Enumerable.Range(0, motion.AttentionCount)];
        _attentions = new ModuleList<MultiHeadAttention>([
            .. indices.Select(_ => new MultiHeadAttention(settings, "unet.temporal", width, width, motion.HeadCount, headDim, positions)),
        ]);
        _norms = new ModuleList<TokenNormLayer>([.. indices.Select(_ => settings.TokenNorm(width))]);
        _feedForward = new FeedForwardNetwork(width, settings.Dtype, settings.Device);
        _feedForwardNorm = settings.TokenNorm(width);
        RegisterComponents();
    }

    /// <summary>(b·f, L, C) to the same shape.</summary>
    public Tensor Forward(Tensor input, UNetPass pass)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = input;
        for (int i = 0; i < _attentions.Count; i++)
        {
            Tensor attended = _norms[i].call(tokens).Then(x => _attentions[i].AlongFrames(x, pass.Frames)); // (b·f, L, C)
            pass.ObserveAsIs($"{_path}.attention_blocks.{i}", attended);
            Tensor sum = attended.ThenAdd(tokens);
            Release(tokens, input);
            tokens = sum;
        }
        Tensor fed = _feedForwardNorm.call(tokens).Then(_feedForward.Forward); // (b·f, L, C)
        pass.ObserveAsIs($"{_path}.ff", fed);
        Tensor output = fed.ThenAdd(tokens);
        Release(tokens, input);
        pass.ObserveAsIs(_path, output);
        return output.MoveToOuterDisposeScope();
    }

    public void ResetPositions()
    {
        foreach (MultiHeadAttention attention in _attentions)
        {
            attention.ResetPositions();
        }
    }

    private static void Release(Tensor tokens, Tensor input)
    {
        if (!ReferenceEquals(tokens, input))
        {
            tokens.Dispose();
        }
    }
}
