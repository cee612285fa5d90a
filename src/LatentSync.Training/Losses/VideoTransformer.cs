using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Training.Losses;

/// <summary>The encoder of VideoMAE-v2 as far as its features: tubelets, fixed positions, transformer blocks, mean over tokens,
/// norm.</summary>
/// <remarks>VideoMAE V2, arXiv:2303.16727; state dictionary with the original's names, without the classifier "head".</remarks>
internal sealed class VideoTransformer : nn.Module
{
    private const double MaximumPeriod = 10000;

    /// <summary>Epsilon of every layer norm.</summary>
    public const double NormEpsilon = 1e-6;

    [ComponentName(Name = "patch_embed")]
    private readonly PatchEmbedding _patches;

    [ComponentName(Name = "blocks")]
    private readonly ModuleList<VideoTransformerBlock> _blocks;

    [ComponentName(Name = "fc_norm")]
    private readonly LayerNormLayer _norm;

    private readonly VideoTransformerConfiguration _configuration;

    public VideoTransformer(VideoTransformerConfiguration configuration, ScalarType dtype, Device device)
        : base(nameof(VideoTransformer))
    {
        _configuration = configuration;
        _patches = new PatchEmbedding(configuration, dtype, device);
        _blocks = new ModuleList<VideoTransformerBlock>([
            .. Enumerable.Range(0, configuration.Depth).Select(_ => new VideoTransformerBlock(configuration, dtype, device)),
        ]);
        _norm = new LayerNormLayer(configuration.Width, dtype, device, NormEpsilon);
        RegisterComponents();
    }

    /// <summary>(B, 3, f, side, side) to (B, C). While gradients are recorded, each block keeps its input only.</summary>
    public Tensor Forward(Tensor video)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor patches = _patches.Forward(video); // (B, C, t, h, w)
        using Tensor positions = Positions(patches.shape[2]).to(patches.dtype, patches.device); // (t·h·w, C)
        Tensor tokens = patches.flatten(2).transpose(1, 2).Plus(positions); // (B, t·h·w, C)
        foreach (VideoTransformerBlock block in _blocks)
        {
            tokens = tokens.Then(x => GradientCheckpoint.Run([x], block, (inputs, _) => block.call(inputs[0])));
        }
        return _norm.call(tokens.mean([1L])).MoveToOuterDisposeScope(); // (B, C)
    }

    /// <summary>
    /// table[p, 2i] = sin(p · 10000^(-2i/C)), table[p, 2i+1] = cos(the same), p the number of the token in order of time, row, column;
    /// for another number of frames interpolated along time between the cells' middles.
    /// </summary>
    internal Tensor Positions(long steps)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        long width = _configuration.Width;
        long side = _configuration.PictureSide / _configuration.PatchSide;
        long made = _configuration.ClipFrames / _configuration.PatchFrames;
        Tensor numbers = TensorArithmetic.Range(0, made * side * side, ScalarType.Float64).unsqueeze(1); // (t·h·w, 1)
        Tensor channels = TensorArithmetic.Range(0, width, ScalarType.Float64, step: 2); // (C/2)
        Tensor angles = numbers * channels.Times(-Math.Log(MaximumPeriod) / width).exp(); // (t·h·w, C/2)
        Tensor table = stack([angles.sin(), angles.cos()], -1).view(made, side * side, width); // (t, h·w, C)
        if (steps != made)
        {
            Tensor video = table.permute(2, 0, 1).unsqueeze(0); // (1, C, t, h·w)
            Tensor stretched = nn.functional.interpolate(
                video,
                [steps, side * side],
                mode: InterpolationMode.Bilinear,
                align_corners: false
            );
            table = stretched.squeeze(0).permute(1, 2, 0); // (t', h·w, C)
        }
        return table.reshape(-1, width).MoveToOuterDisposeScope();
    }

    private sealed class PatchEmbedding : nn.Module
    {
        [ComponentName(Name = "proj")]
        private readonly Conv3dPatches _projection;

        public PatchEmbedding(VideoTransformerConfiguration configuration, ScalarType dtype, Device device)
            : base(nameof(PatchEmbedding))
        {
            _projection = new Conv3dPatches(configuration, dtype, device);
            RegisterComponents();
        }

        public Tensor Forward(Tensor video) => _projection.call(video);
    }

    private sealed class Conv3dPatches : ModelLayer
    {
        [ComponentName(Name = "weight")]
        private readonly Parameter _weight; // (C, 3, frames, side, side)

        [ComponentName(Name = "bias")]
        private readonly Parameter _bias; // (C)

        public Conv3dPatches(VideoTransformerConfiguration configuration, ScalarType dtype, Device device)
            : base(nameof(Conv3dPatches))
        {
            (int frames, int side) = (configuration.PatchFrames, configuration.PatchSide);
            _weight = Allocate(dtype, device, configuration.Width, 3, frames, side, side);
            _bias = Allocate(dtype, device, configuration.Width);
            RegisterComponents();
        }

        /// <summary>(B, 3, f, H, W) to (B, C, f / frames, H / side, W / side).</summary>
        public override Tensor forward(Tensor video) => nn.functional.conv3d(video, _weight, _bias, strides: _weight.shape[2..]);

        public override void Initialize(Generator generator) =>
            InitializeUniform(generator, _weight.shape[1..].Aggregate((product, size) => product * size), _weight, _bias);
    }
}

/// <summary>x + attention(norm1(x)), then x + mlp(norm2(x)).</summary>
internal sealed class VideoTransformerBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "norm1")]
    private readonly LayerNormLayer _norm1;

    [ComponentName(Name = "attn")]
    private readonly VideoAttention _attention;

    [ComponentName(Name = "norm2")]
    private readonly LayerNormLayer _norm2;

    [ComponentName(Name = "mlp")]
    private readonly VideoMlp _mlp;

    public VideoTransformerBlock(VideoTransformerConfiguration configuration, ScalarType dtype, Device device)
        : base(nameof(VideoTransformerBlock))
    {
        _norm1 = new LayerNormLayer(configuration.Width, dtype, device, VideoTransformer.NormEpsilon);
        _attention = new VideoAttention(configuration.Width, configuration.HeadCount, dtype, device);
        _norm2 = new LayerNormLayer(configuration.Width, dtype, device, VideoTransformer.NormEpsilon);
        _mlp = new VideoMlp(configuration.Width, configuration.HiddenWidth, dtype, device);
        RegisterComponents();
    }

    /// <summary>(B, L, C) to the same shape.</summary>
    public override Tensor forward(Tensor input)
    {
        using Tensor attended = _norm1.call(input).Then(_attention).ThenAdd(input); // (B, L, C)
        return _norm2.call(attended).Then(_mlp).ThenAdd(attended); // (B, L, C)
    }
}

/// <summary>Multi-head self-attention whose query and value have learned biases and whose key has none.</summary>
internal sealed class VideoAttention : ModelLayer
{
    [ComponentName(Name = "q_bias")]
    private readonly Parameter _queryBias; // (C)

    [ComponentName(Name = "v_bias")]
    private readonly Parameter _valueBias; // (C)

    [ComponentName(Name = "qkv")]
    private readonly LinearLayer _projection; // (3·C, C)

    [ComponentName(Name = "proj")]
    private readonly LinearLayer _output;

    private readonly long _heads;

    public VideoAttention(long width, long heads, ScalarType dtype, Device device)
        : base(nameof(VideoAttention))
    {
        _queryBias = Allocate(dtype, device, width);
        _valueBias = Allocate(dtype, device, width);
        _projection = new LinearLayer(width, 3 * width, dtype, device, hasBias: false);
        _output = new LinearLayer(width, width, dtype, device);
        _heads = heads;
        RegisterComponents();
    }

    /// <summary>(B, L, C) to the same shape.</summary>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        (long batch, long length, long width) = (input.shape[0], input.shape[1], input.shape[2]);
        Tensor projected = _projection.call(input).view(batch, length, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4); // (3, B, H, L, d)
        Tensor query = projected[0].Plus(PerHead(_queryBias)); // (B, H, L, d)
        Tensor value = projected[2].Plus(PerHead(_valueBias)); // (B, H, L, d)
        Tensor attended = TorchAttention.ScaledDotProductAttention(query, projected[1], value, layer: "videomae.self"); // (B, H, L, d)
        return _output.call(attended.transpose(1, 2).reshape(batch, length, width)).MoveToOuterDisposeScope(); // (B, L, C)
    }

    /// <summary>Zero biases; the linear layers inside fill themselves.</summary>
    public override void Initialize(Generator generator)
    {
        _queryBias.zero_();
        _valueBias.zero_();
    }

    private Tensor PerHead(Tensor bias) => bias.view(_heads, 1, -1); // (H, 1, d)
}

/// <summary>Linear to the hidden width, GELU by the error function, linear back.</summary>
internal sealed class VideoMlp : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "fc1")]
    private readonly LinearLayer _expansion;

    [ComponentName(Name = "fc2")]
    private readonly LinearLayer _contraction;

    public VideoMlp(long width, long hiddenWidth, ScalarType dtype, Device device)
        : base(nameof(VideoMlp))
    {
        _expansion = new LinearLayer(width, hiddenWidth, dtype, device);
        _contraction = new LinearLayer(hiddenWidth, width, dtype, device);
        RegisterComponents();
    }

    /// <summary>(B, L, C) to the same shape.</summary>
    public override Tensor forward(Tensor input) =>
        _expansion
            .call(input) // (B, L, hidden)
            .ThenActivate(ActivationKind.Gelu)
            .Then(_contraction); // (B, L, C)
}
