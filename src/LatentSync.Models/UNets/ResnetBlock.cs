using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Layers;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>(shortcut(x) + conv2(act(norm2(conv1(act(norm1(x))) + time)))) / scale.</summary>
internal sealed class ResnetBlock : nn.Module
{
    [ComponentName(Name = "norm1")]
    private readonly GroupNormLayer _norm1;

    [ComponentName(Name = "conv1")]
    private readonly Conv2dLayer _conv1;

    [ComponentName(Name = "time_emb_proj")]
    private readonly LinearLayer _timeProjection;

    [ComponentName(Name = "norm2")]
    private readonly GroupNormLayer _norm2;

    [ComponentName(Name = "conv2")]
    private readonly Conv2dLayer _conv2;

    [ComponentName(Name = "conv_shortcut")]
    private readonly Conv2dLayer? _shortcut;

    private readonly UNet3DConfiguration _configuration;
    private readonly string _path;
    private readonly double _outputScale;

    public ResnetBlock(UNetSettings settings, string path, int inChannels, int outChannels, double outputScale = 1)
        : base(nameof(ResnetBlock))
    {
        (_configuration, _path, _outputScale) = (settings.Configuration, path, outputScale);
        int timeWidth = _configuration.TimeScaleShift ? 2 * outChannels : outChannels;
        _norm1 = settings.GroupNorm(_configuration.NormNumGroups, inChannels, _configuration.NormEpsilon);
        _conv1 = settings.Conv3x3(inChannels, outChannels);
        _timeProjection = settings.Linear(_configuration.TimeEmbeddingWidth, timeWidth);
        _norm2 = settings.GroupNorm(_configuration.NormNumGroups, outChannels, _configuration.NormEpsilon);
        _conv2 = settings.Conv3x3(outChannels, outChannels);
        _shortcut = inChannels == outChannels ? null : settings.Conv1x1(inChannels, outChannels);
        RegisterComponents();
        if (_configuration.TimeScaleShift)
        {
            // Only for time embeddings per frame, which nothing produces; here so that such checkpoints load.
            register_module("double_len_linear", settings.Linear(timeWidth, 2 * timeWidth));
        }
    }

    /// <summary>(b·f, h, w, C) to (b·f, h, w, C').</summary>
    public Tensor Forward(Tensor input, UNetPass pass)
    {
        pass.ThrowIfCancelled();
        using DisposeScope scope = NewDisposeScope();
        ActivationKind activation = _configuration.Activation;
        Tensor time = TimeShift(pass); // (b·f, 1, 1, C' or 2·C')
        Tensor hidden = Normalize(_norm1, input, pass) // (b·f, h, w, C)
            .ThenActivate(activation)
            .Then(x => x.Convolve(_conv1)); // (b·f, h, w, C')
        hidden = _configuration.TimeScaleShift
            ? hidden.Then(x => Normalize(_norm2, x, pass)).Then(x => ScaleAndShift(x, time))
            : hidden.ThenAdd(time).Then(x => Normalize(_norm2, x, pass));
        hidden = hidden.ThenActivate(activation).Then(x => x.Convolve(_conv2)); // (b·f, h, w, C')
        hidden = hidden.ThenAdd(_shortcut is null ? input : input.Convolve(_shortcut));
        if (_outputScale != 1)
        {
            hidden = hidden.Then(x => x.Over(_outputScale));
        }
        pass.Observe(_path, hidden);
        return hidden.MoveToOuterDisposeScope();
    }

    private Tensor Normalize(GroupNormLayer norm, Tensor hidden, UNetPass pass) =>
        _configuration.PerFrameNorms ? hidden.NormalizeFrames(norm) : hidden.NormalizeChunk(norm, pass.Frames);

    private Tensor TimeShift(UNetPass pass)
    {
        Tensor activated = pass.TimeEmbedding.clone().ThenActivate(_configuration.Activation); // (b, 4·C0)
        Tensor projected = _timeProjection.call(activated); // (b, C' or 2·C')
        return projected.repeat_interleave(pass.Frames, 0).view(-1, 1, 1, projected.shape[1]);
    }

    private static Tensor ScaleAndShift(Tensor hidden, Tensor time)
    {
        Tensor[] halves = time.chunk(2, -1); // scale and shift, each (b·f, 1, 1, C')
        return (hidden * halves[0].Plus(1)).Plus(halves[1]);
    }
}
