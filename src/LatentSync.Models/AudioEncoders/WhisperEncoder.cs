using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Layers;
using LatentSync.Models.Loading;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.AudioEncoders;

/// <summary>
/// Whisper's audio encoder as LatentSync uses it: not its output but the states between its blocks. Two convolutions halve
/// the time axis, then come a fixed positional table and transformer blocks with the norm in front.
/// </summary>
/// <remarks>LatentSync's whisper/model.py, AudioEncoder; state dictionary with the original's names behind "encoder.".</remarks>
public sealed class WhisperEncoder : nn.Module
{
    [ComponentName(Name = "conv1")]
    private readonly Conv1dLayer _conv1;

    [ComponentName(Name = "conv2")]
    private readonly Conv1dLayer _conv2;

    [ComponentName(Name = "positional_embedding")]
    private readonly Tensor _positionalEmbedding; // (P, S), a buffer: stored in the file

    [ComponentName(Name = "blocks")]
    private readonly ModuleList<WhisperBlock> _blocks;

    [ComponentName(Name = "ln_post")]
    private readonly LayerNormLayer _finalNorm;

    private WhisperEncoder(WhisperConfiguration configuration, ScalarType dtype, Device device)
        : base(nameof(WhisperEncoder))
    {
        Configuration = configuration;
        long width = configuration.AudioWidth;
        _conv1 = new Conv1dLayer(configuration.MelBands, width, 3, dtype, device, padding: 1);
        _conv2 = new Conv1dLayer(width, width, 3, dtype, device, stride: 2, padding: 1);
        _positionalEmbedding = empty([configuration.AudioPositions, width], dtype, device).DetachFromDisposeScope();
        _blocks = new ModuleList<WhisperBlock>([
            .. Enumerable.Range(0, configuration.AudioLayers).Select(_ => new WhisperBlock(width, configuration.AudioHeads, dtype, device)),
        ]);
        _finalNorm = new LayerNormLayer(width, dtype, device);
        RegisterComponents();
    }

    /// <summary>The dimensions that the network was built from.</summary>
    public WhisperConfiguration Configuration { get; }

    /// <summary>Dtype of parameters and states.</summary>
    public ScalarType Dtype => _positionalEmbedding.dtype;

    /// <summary>Where the parameters live.</summary>
    public Device Device => _positionalEmbedding.device;

    /// <summary>Allocates the network; the parameters hold anything until a checkpoint or <see cref="InitializeForTraining"/> fills
    /// them.</summary>
    /// <param name="configuration">The dimensions.</param>
    /// <param name="dtype">Dtype of parameters and states; layer norms compute in float32 whatever it is.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <exception cref="ModelConfigurationException">The dimensions contradict each other.</exception>
    public static WhisperEncoder Create(WhisperConfiguration configuration, ScalarType dtype, Device device)
    {
        configuration.Validate();
        return new WhisperEncoder(configuration, dtype, device);
    }

    /// <summary>PyTorch's default initialisation of every layer, and the original's sinusoids.</summary>
    /// <param name="seed">The same seed gives the same weights on the same device and dtype.</param>
    public void InitializeForTraining(long seed)
    {
        using Generator generator = new((ulong)seed, Device);
        ModelLayer.InitializeAll(this, generator);
        using IDisposable noGrad = no_grad();
        using Tensor table = Sinusoids(Configuration.AudioPositions, Configuration.AudioWidth);
        _positionalEmbedding.copy_(table);
    }

    /// <summary>The states of one segment.</summary>
    /// <param name="logMel">(n_mels, T), T at most 2 · n_audio_ctx, any floating dtype and device; completed with 0.0 on the right. Not
    /// modified.</param>
    /// <returns>
    /// (n_audio_ctx, layers + 1, S): the input of the first block and the output of each, without the final norm; in the
    /// network's dtype and on its device.
    /// </returns>
    /// <exception cref="ArgumentException">The spectrogram has other bands, or is longer than a segment.</exception>
    public Tensor CollectStates(Tensor logMel)
    {
        int frames = Configuration.SegmentFrames;
        if (logMel.dim() != 2 || logMel.shape[0] != Configuration.MelBands || logMel.shape[1] > frames)
        {
            throw new ArgumentException(
                $"The spectrogram is ({string.Join(", ", logMel.shape)}); ({Configuration.MelBands}, up to {frames}) is required.",
                nameof(logMel)
            );
        }
        using DisposeScope scope = NewDisposeScope();
        // 0.0 in the scaled log domain is not silence (that would be about -0.6), but it is what the original pads with.
        Tensor input = nn.functional.pad(logMel.to(Dtype).to(Device), [0, frames - logMel.shape[1]]).unsqueeze(0); // (1, M, 2P)
        Tensor hidden = nn.functional.gelu(_conv1.call(input)); // (1, S, 2P)
        hidden = nn.functional.gelu(_conv2.call(hidden)); // (1, S, P)
        hidden = hidden.transpose(1, 2).Plus(_positionalEmbedding); // (1, P, S)
        List<Tensor> states = [hidden];
        foreach (WhisperBlock block in _blocks)
        {
            hidden = block.call(hidden); // (1, P, S)
            states.Add(hidden);
        }
        return cat(states).transpose(0, 1).contiguous().MoveToOuterDisposeScope(); // (P, layers + 1, S)
    }

    /// <summary>The final norm, which turns a last state into Whisper's own output; LatentSync does not use it.</summary>
    /// <param name="state">(..., S), the last of the collected states.</param>
    /// <returns>(..., S).</returns>
    public Tensor ApplyFinalNorm(Tensor state) => _finalNorm.call(state);

    /// <summary>Sines in the first half of the channels, cosines in the second; inverse timescales exp(-i · ln(10000) / (S/2 -
    /// 1)).</summary>
    private static Tensor Sinusoids(int positions, int width)
    {
        using DisposeScope scope = NewDisposeScope();
        int half = width / 2;
        Tensor rates = TensorArithmetic.Range(0, half, ScalarType.Float64).Times(-Math.Log(10000) / Math.Max(half - 1, 1)).exp(); // (S/2)
        Tensor angles = TensorArithmetic.Range(0, positions, ScalarType.Float64).unsqueeze(1) * rates; // (P, S/2)
        return nn.functional.pad(cat([angles.sin(), angles.cos()], 1), [0, width - 2 * half]).MoveToOuterDisposeScope(); // (P, S)
    }
}

/// <summary>x + attention(norm(x)), then x + mlp(norm(x)).</summary>
internal sealed class WhisperBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "attn")]
    private readonly WhisperSelfAttention _attention;

    [ComponentName(Name = "attn_ln")]
    private readonly LayerNormLayer _attentionNorm;

    [ComponentName(Name = "mlp")]
    private readonly WhisperMlp _mlp;

    [ComponentName(Name = "mlp_ln")]
    private readonly LayerNormLayer _mlpNorm;

    public WhisperBlock(long width, long heads, ScalarType dtype, Device device)
        : base(nameof(WhisperBlock))
    {
        _attention = new WhisperSelfAttention(width, heads, dtype, device);
        _attentionNorm = new LayerNormLayer(width, dtype, device);
        _mlp = new WhisperMlp(width, dtype, device);
        _mlpNorm = new LayerNormLayer(width, dtype, device);
        RegisterComponents();
    }

    /// <summary>(B, P, S) to the same shape.</summary>
    public override Tensor forward(Tensor input)
    {
        using Tensor attended = _attentionNorm.call(input).Then(_attention).ThenAdd(input); // (B, P, S)
        return _mlpNorm.call(attended).Then(_mlp).ThenAdd(attended); // (B, P, S)
    }
}

/// <summary>Multi-head self-attention; the key projection has no bias.</summary>
internal sealed class WhisperSelfAttention : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "query")]
    private readonly LinearLayer _queryProjection;

    [ComponentName(Name = "key")]
    private readonly LinearLayer _keyProjection;

    [ComponentName(Name = "value")]
    private readonly LinearLayer _valueProjection;

    [ComponentName(Name = "out")]
    private readonly LinearLayer _outputProjection;

    private readonly long _heads;

    public WhisperSelfAttention(long width, long heads, ScalarType dtype, Device device)
        : base(nameof(WhisperSelfAttention))
    {
        _queryProjection = new LinearLayer(width, width, dtype, device);
        _keyProjection = new LinearLayer(width, width, dtype, device, hasBias: false);
        _valueProjection = new LinearLayer(width, width, dtype, device);
        _outputProjection = new LinearLayer(width, width, dtype, device);
        _heads = heads;
        RegisterComponents();
    }

    /// <summary>(B, P, S) to the same shape.</summary>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor query = SplitHeads(_queryProjection.call(input)); // (B, H, P, D)
        Tensor key = SplitHeads(_keyProjection.call(input)); // (B, H, P, D)
        Tensor value = SplitHeads(_valueProjection.call(input)); // (B, H, P, D)
        // The original scales query and key by D^(-1/4) each: the same as 1/√D on their product, the default.
        Tensor attended = TorchAttention.ScaledDotProductAttention(query, key, value, layer: "whisper.self"); // (B, H, P, D)
        return _outputProjection.call(attended.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope(); // (B, P, S)
    }

    private Tensor SplitHeads(Tensor tokens) =>
        tokens.view(tokens.shape[0], tokens.shape[1], _heads, tokens.shape[2] / _heads).transpose(1, 2);
}

/// <summary>Linear to four times the width, GELU by the error function, linear back.</summary>
internal sealed class WhisperMlp : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "0")]
    private readonly LinearLayer _expansion;

    [ComponentName(Name = "2")]
    private readonly LinearLayer _contraction;

    public WhisperMlp(long width, ScalarType dtype, Device device)
        : base(nameof(WhisperMlp))
    {
        _expansion = new LinearLayer(width, 4 * width, dtype, device);
        _contraction = new LinearLayer(4 * width, width, dtype, device);
        RegisterComponents();
    }

    /// <summary>(B, P, S) to the same shape.</summary>
    public override Tensor forward(Tensor input) =>
        _expansion
            .call(input) // (B, P, 4S)
            .ThenActivate(ActivationKind.Gelu)
            .Then(_contraction); // (B, P, S)
}
