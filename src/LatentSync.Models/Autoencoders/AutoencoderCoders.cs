using LatentSync.Models.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.Autoencoders;

/// <summary>Pixels to moments.</summary>
internal sealed class AutoencoderEncoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv_in")]
    private readonly Conv2dLayer _convIn;

    [ComponentName(Name = "down_blocks")]
    private readonly ModuleList<AutoencoderLevel> _levels;

    [ComponentName(Name = "mid_block")]
    private readonly AutoencoderMidBlock _middle;

    [ComponentName(Name = "conv_norm_out")]
    private readonly GroupNormLayer _normOut;

    [ComponentName(Name = "conv_out")]
    private readonly Conv2dLayer _convOut;

    public AutoencoderEncoder(AutoencoderConfiguration configuration, BlockSettings settings)
        : base(nameof(AutoencoderEncoder))
    {
        IReadOnlyList<int> channels = configuration.BlockOutChannels;
        int last = channels.Count - 1;
        _convIn = settings.Conv3x3(configuration.InChannels, channels[0]);
        _levels = new ModuleList<AutoencoderLevel>([
            .. channels.Select(
                (outChannels, i) =>
                    AutoencoderLevel.Down(
                        settings,
                        channels[Math.Max(i - 1, 0)],
                        outChannels,
                        configuration.LayersPerBlock,
                        configuration.DownBlockHasAttention[i],
                        halves: i < last
                    )
            ),
        ]);
        _middle = new AutoencoderMidBlock(settings, channels[last], configuration.MidBlockAddAttention);
        _normOut = settings.Norm(channels[last]);
        _convOut = settings.Conv3x3(channels[last], 2 * configuration.LatentChannels);
        RegisterComponents();
    }

    /// <summary>(n, 3, R, R) to (n, 8, s, s).</summary>
    public override Tensor forward(Tensor pixels)
    {
        Tensor hidden = _convIn.call(pixels); // (n, C0, R, R)
        foreach (AutoencoderLevel level in _levels)
        {
            hidden = hidden.Then(level); // (n, Ci, R/2, R/2), the last keeps its size
        }
        return hidden
            .Then(_middle) // (n, C, s, s)
            .Then(_normOut)
            .ThenActivate(ActivationKind.Silu) // SiLU whatever act_fn says, as in the original
            .Then(_convOut); // (n, 8, s, s)
    }
}

/// <summary>Latents to pixels.</summary>
internal sealed class AutoencoderDecoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv_in")]
    private readonly Conv2dLayer _convIn;

    [ComponentName(Name = "mid_block")]
    private readonly AutoencoderMidBlock _middle;

    [ComponentName(Name = "up_blocks")]
    private readonly ModuleList<AutoencoderLevel> _levels;

    [ComponentName(Name = "conv_norm_out")]
    private readonly GroupNormLayer _normOut;

    [ComponentName(Name = "conv_out")]
    private readonly Conv2dLayer _convOut;

    public AutoencoderDecoder(AutoencoderConfiguration configuration, BlockSettings settings)
        : base(nameof(AutoencoderDecoder))
    {
        int[] channels = [.. configuration.BlockOutChannels.Reverse()];
        int last = channels.Length - 1;
        _convIn = settings.Conv3x3(configuration.LatentChannels, channels[0]);
        _middle = new AutoencoderMidBlock(settings, channels[0], configuration.MidBlockAddAttention);
        _levels = new ModuleList<AutoencoderLevel>([
            .. channels.Select(
                (outChannels, i) =>
                    AutoencoderLevel.Up(
                        settings,
                        channels[Math.Max(i - 1, 0)],
                        outChannels,
                        configuration.LayersPerBlock + 1,
                        configuration.UpBlockHasAttention[i],
                        doubles: i < last
                    )
            ),
        ]);
        _normOut = settings.Norm(channels[last]);
        _convOut = settings.Conv3x3(channels[last], configuration.OutChannels);
        RegisterComponents();
    }

    /// <summary>(n, 4, s, s) to (n, 3, R, R).</summary>
    public override Tensor forward(Tensor latents)
    {
        Tensor hidden = _convIn
            .call(latents) // (n, C, s, s)
            .Then(_middle);
        foreach (AutoencoderLevel level in _levels)
        {
            hidden = hidden.Then(level); // (n, Ci, 2h, 2w), the last keeps its size
        }
        return hidden
            .Then(_normOut) // (n, C0, R, R)
            .ThenActivate(ActivationKind.Silu) // SiLU whatever act_fn says, as in the original
            .Then(_convOut); // (n, 3, R, R)
    }
}
