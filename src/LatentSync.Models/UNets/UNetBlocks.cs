using LatentSync.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>One level of the encoder: layers of resnet, spatial transformer, motion module; then half the size.</summary>
internal sealed class DownBlock : nn.Module
{
    [ComponentName(Name = "attentions")]
    private readonly ModuleList<SpatialTransformer> _attentions;

    [ComponentName(Name = "resnets")]
    private readonly ModuleList<ResnetBlock> _resnets;

    [ComponentName(Name = "motion_modules")]
    private readonly ModuleList<MotionModule> _motionModules;

    [ComponentName(Name = "downsamplers")]
    private readonly ModuleList<Downsampler> _downsamplers;

    private readonly string _path;

    public DownBlock(UNetSettings settings, int level)
        : base(nameof(DownBlock))
    {
        UNet3DConfiguration configuration = settings.Configuration;
        _path = $"down_blocks.{level}";
        int channels = configuration.BlockOutChannels[level];
        int before = configuration.BlockOutChannels[Math.Max(level - 1, 0)];
        int[] layers = [.. Enumerable.Range(0, configuration.LayersPerBlock)];
        _attentions = new ModuleList<SpatialTransformer>(
            configuration.DownBlockHasAttention[level]
                ?
                [
                    .. layers.Select(j => new SpatialTransformer(
                        settings,
                        $"{_path}.attentions.{j}",
                        channels,
                        configuration.HeadCounts[level]
                    )),
                ]
                : []
        );
        _resnets = new ModuleList<ResnetBlock>([
            .. layers.Select(j => new ResnetBlock(settings, $"{_path}.resnets.{j}", j == 0 ? before : channels, channels)),
        ]);
        _motionModules = new ModuleList<MotionModule>(
            configuration.HasMotionInDown(level)
                ? [.. layers.Select(j => new MotionModule(settings, $"{_path}.motion_modules.{j}", channels))]
                : []
        );
        bool isLast = level == configuration.BlockOutChannels.Count - 1;
        _downsamplers = new ModuleList<Downsampler>(isLast ? [] : [new Downsampler(settings, $"{_path}.downsamplers.0", channels)]);
        RegisterComponents();
    }

    public IEnumerable<MotionModule> MotionModules => _motionModules;

    /// <summary>Appends every layer's output, and the halved one, to <paramref name="skips"/>, whose last entry is the input.</summary>
    public void Forward(List<Tensor> skips, UNetPass pass)
    {
        for (int j = 0; j < _resnets.Count; j++)
        {
            Tensor hidden = pass.Layer(_resnets[j], _resnets[j].Forward, skips[^1]); // (b·f, h, w, C)
            hidden = _attentions.Count > 0 ? hidden.Then(x => pass.Layer(_attentions[j], _attentions[j].Forward, x)) : hidden;
            hidden = _motionModules.Count > 0 ? hidden.Then(x => pass.Layer(_motionModules[j], _motionModules[j].Forward, x)) : hidden;
            skips.Add(hidden);
        }
        foreach (Downsampler downsampler in _downsamplers)
        {
            skips.Add(downsampler.Forward(skips[^1], pass)); // (b·f, h/2, w/2, C)
        }
        pass.Observe(_path, skips[^1]);
    }
}

/// <summary>The coarsest level: resnet, spatial transformer, motion module, resnet.</summary>
internal sealed class MidBlock : nn.Module
{
    private const string Path = "mid_block";

    [ComponentName(Name = "attentions")]
    private readonly ModuleList<SpatialTransformer> _attentions;

    [ComponentName(Name = "resnets")]
    private readonly ModuleList<ResnetBlock> _resnets;

    [ComponentName(Name = "motion_modules")]
    private readonly ModuleList<MotionModule> _motionModules;

    public MidBlock(UNetSettings settings)
        : base(nameof(MidBlock))
    {
        UNet3DConfiguration configuration = settings.Configuration;
        int channels = configuration.BlockOutChannels[^1];
        _attentions = new ModuleList<SpatialTransformer>(
            new SpatialTransformer(settings, $"{Path}.attentions.0", channels, configuration.HeadCounts[^1])
        );
        _resnets = new ModuleList<ResnetBlock>([
            .. Enumerable
                .Range(0, 2)
                .Select(j => new ResnetBlock(settings, $"{Path}.resnets.{j}", channels, channels, configuration.MidBlockScaleFactor)),
        ]);
        bool hasMotion = configuration.UseMotionModule && configuration.MotionModuleMidBlock;
        _motionModules = new ModuleList<MotionModule>(hasMotion ? [new MotionModule(settings, $"{Path}.motion_modules.0", channels)] : []);
        RegisterComponents();
    }

    public IEnumerable<MotionModule> MotionModules => _motionModules;

    /// <summary>(b·f, h, w, C) to the same shape.</summary>
    public Tensor Forward(Tensor input, UNetPass pass)
    {
        Tensor hidden = _resnets[0].Forward(input, pass).Then(x => _attentions[0].Forward(x, pass)); // (b·f, h, w, C)
        hidden = _motionModules.Count > 0 ? hidden.Then(x => _motionModules[0].Forward(x, pass)) : hidden;
        hidden = hidden.Then(x => _resnets[1].Forward(x, pass));
        pass.Observe(Path, hidden);
        return hidden;
    }
}

/// <summary>One level of the decoder: layers of [current, skip] to resnet, spatial transformer, motion module; then twice the
/// size.</summary>
internal sealed class UpBlock : nn.Module
{
    [ComponentName(Name = "attentions")]
    private readonly ModuleList<SpatialTransformer> _attentions;

    [ComponentName(Name = "resnets")]
    private readonly ModuleList<ResnetBlock> _resnets;

    [ComponentName(Name = "motion_modules")]
    private readonly ModuleList<MotionModule> _motionModules;

    [ComponentName(Name = "upsamplers")]
    private readonly ModuleList<Upsampler> _upsamplers;

    private readonly string _path;

    /// <param name="settings">The network.</param>
    /// <param name="index">Counted from the coarsest level.</param>
    public UpBlock(UNetSettings settings, int index)
        : base(nameof(UpBlock))
    {
        UNet3DConfiguration configuration = settings.Configuration;
        _path = $"up_blocks.{index}";
        int level = configuration.BlockOutChannels.Count - 1 - index;
        int channels = configuration.BlockOutChannels[level];
        int below = configuration.BlockOutChannels[Math.Min(level + 1, configuration.BlockOutChannels.Count - 1)];
        int above = configuration.BlockOutChannels[Math.Max(level - 1, 0)];
        int[] layers = [.. Enumerable.Range(0, configuration.LayersPerBlock + 1)];
        _attentions = new ModuleList<SpatialTransformer>(
            configuration.UpBlockHasAttention[index]
                ?
                [
                    .. layers.Select(j => new SpatialTransformer(
                        settings,
                        $"{_path}.attentions.{j}",
                        channels,
                        configuration.HeadCounts[level]
                    )),
                ]
                : []
        );
        _resnets = new ModuleList<ResnetBlock>([
            .. layers.Select(j => new ResnetBlock(settings, $"{_path}.resnets.{j}", InChannels(j), channels)),
        ]);
        _motionModules = new ModuleList<MotionModule>(
            configuration.HasMotionInUp(index)
                ? [.. layers.Select(j => new MotionModule(settings, $"{_path}.motion_modules.{j}", channels))]
                : []
        );
        _upsamplers = new ModuleList<Upsampler>(level == 0 ? [] : [new Upsampler(settings, $"{_path}.upsamplers.0", channels)]);
        RegisterComponents();

        // What comes from below or from the layer before, and the skip: the last one of a level is the level above's downsampled output.
        int InChannels(int layer) => (layer == 0 ? below : channels) + (layer == layers.Length - 1 ? above : channels);
    }

    public int LayerCount => _resnets.Count;

    public IEnumerable<MotionModule> MotionModules => _motionModules;

    /// <summary>One layer: consumes <paramref name="hidden"/> and the last of <paramref name="skips"/>.</summary>
    public Tensor ForwardLayer(int layer, Tensor hidden, List<Tensor> skips, UNetPass pass)
    {
        Tensor skip = skips[^1];
        skips.RemoveAt(skips.Count - 1);
        hidden = hidden.Then(x => cat([x, skip], -1)); // (b·f, h, w, C1 + C2)
        skip.Dispose();
        hidden = hidden.Then(x => pass.Layer(_resnets[layer], _resnets[layer].Forward, x)); // (b·f, h, w, C)
        hidden = _attentions.Count > 0 ? hidden.Then(x => pass.Layer(_attentions[layer], _attentions[layer].Forward, x)) : hidden;
        return _motionModules.Count > 0 ? hidden.Then(x => pass.Layer(_motionModules[layer], _motionModules[layer].Forward, x)) : hidden;
    }

    /// <summary>The end of the level: enlarges <paramref name="hidden"/> to the size of the next skip, unless this is the finest
    /// level.</summary>
    public Tensor Finish(Tensor hidden, List<Tensor> skips, UNetPass pass)
    {
        foreach (Upsampler upsampler in _upsamplers)
        {
            hidden = hidden.Then(x => upsampler.Forward(x, skips[^1].shape[1], skips[^1].shape[2], pass)); // (b·f, 2h, 2w, C)
        }
        pass.Observe(_path, hidden);
        return hidden;
    }
}

/// <summary>A 3x3 convolution of stride 2.</summary>
internal sealed class Downsampler : nn.Module
{
    [ComponentName(Name = "conv")]
    private readonly Conv2dLayer _convolution;

    private readonly string _path;

    public Downsampler(UNetSettings settings, string path, int channels)
        : base(nameof(Downsampler))
    {
        _path = path;
        _convolution = settings.Conv3x3(channels, channels, stride: 2, padding: settings.Configuration.DownsamplePadding);
        RegisterComponents();
    }

    /// <summary>(b·f, h, w, C) to (b·f, h', w', C), h' = (h + 2 · padding - 3) / 2 + 1.</summary>
    public Tensor Forward(Tensor hidden, UNetPass pass)
    {
        Tensor output = hidden.Convolve(_convolution);
        pass.Observe(_path, output);
        return output;
    }
}

/// <summary>Nearest-neighbour enlargement, then a 3x3 convolution.</summary>
internal sealed class Upsampler : nn.Module
{
    [ComponentName(Name = "conv")]
    private readonly Conv2dLayer _convolution;

    private readonly string _path;

    public Upsampler(UNetSettings settings, string path, int channels)
        : base(nameof(Upsampler))
    {
        _path = path;
        _convolution = settings.Conv3x3(channels, channels);
        RegisterComponents();
    }

    /// <summary>(b·f, h, w, C) to (b·f, height, width, C): twice the size, or what an odd size of the skip asks for.</summary>
    public Tensor Forward(Tensor hidden, long height, long width, UNetPass pass)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor pictures = hidden.permute(0, 3, 1, 2); // (b·f, C, h, w)
        Tensor enlarged = nn.functional.interpolate(pictures, [height, width], mode: InterpolationMode.Nearest); // (b·f, C, height, width)
        Tensor output = enlarged.permute(0, 2, 3, 1).contiguous().Then(x => x.Convolve(_convolution)); // (b·f, height, width, C)
        pass.Observe(_path, output);
        return output.MoveToOuterDisposeScope();
    }
}

/// <summary>Layers that training starts from zero.</summary>
internal static class Zeros
{
    public static void Fill(nn.Module layer)
    {
        using IDisposable noGrad = no_grad();
        foreach (Parameter parameter in layer.parameters())
        {
            parameter.zero_();
        }
    }
}
