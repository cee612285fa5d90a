using LatentSync.Models.Autoencoders;
using LatentSync.Models.UNets;

namespace LatentSync.Doctor.Estimates;

/// <summary>Floating-point operations, those of 3x3 convolutions apart, since a machine does them at another rate.</summary>
/// <param name="Convolutions">3x3 convolutions.</param>
/// <param name="Products">1x1 convolutions, linear layers and attention.</param>
public readonly record struct FlopCount(double Convolutions, double Products)
{
    /// <summary>Both.</summary>
    public double Total => Convolutions + Products;

    /// <summary>The sum of two counts.</summary>
    public static FlopCount operator +(FlopCount a, FlopCount b) => new(a.Convolutions + b.Convolutions, a.Products + b.Products);

    /// <summary>A count many times over.</summary>
    public static FlopCount operator *(double times, FlopCount count) => new(times * count.Convolutions, times * count.Products);
}

/// <summary>Counts the arithmetic of the full-size networks from their configurations: two operations for each product of a weight and an
/// activation, and of queries, keys and values. Norms and activations are left out: they cost memory traffic, not arithmetic.</summary>
public static class SyncCost
{
    /// <summary>Frames per second of the network, whatever the video has.</summary>
    public const int FramesPerSecond = 25;

    /// <summary>Audio tokens of a frame.</summary>
    private const int AudioTokens = 50;

    /// <summary>The autoencoder's finest width and its levels: sd-vae-ft-mse.</summary>
    private static readonly AutoencoderConfiguration Autoencoder = new() { BlockOutChannels = [128, 256, 512, 512], LayersPerBlock = 2 };

    /// <summary>One frame of one pass of the denoising network, without guidance.</summary>
    /// <param name="model">The network.</param>
    /// <param name="side">Side of the latents: pixels / 8.</param>
    /// <param name="frames">Frames of a chunk, that the temporal layers see.</param>
    public static FlopCount DenoisingFrame(UNet3DConfiguration model, int side, int frames)
    {
        IReadOnlyList<int> widths = model.BlockOutChannels;
        var skips = new Stack<int>([widths[0]]);
        FlopCount sum = Conv(model.InChannels, widths[0], side);
        int channels = widths[0],
            size = side;
        for (int level = 0; level < widths.Count; level++)
        {
            for (int layer = 0; layer < model.LayersPerBlock; layer++)
            {
                sum += Layer(
                    model,
                    channels,
                    widths[level],
                    size,
                    frames,
                    model.DownBlockHasAttention[level],
                    model.UseMotionModule && !model.MotionModuleDecoderOnly
                );
                channels = widths[level];
                skips.Push(channels);
            }
            if (level < widths.Count - 1)
            {
                size /= 2;
                sum += Conv(channels, channels, size);
                skips.Push(channels);
            }
        }
        sum += 2 * Resnet(channels, channels, size) + Spatial(channels, size, model.CrossAttentionDim);
        for (int level = 0; level < widths.Count; level++)
        {
            int width = widths[widths.Count - 1 - level];
            for (int layer = 0; layer <= model.LayersPerBlock; layer++)
            {
                sum += Layer(model, channels + skips.Pop(), width, size, frames, model.UpBlockHasAttention[level], model.UseMotionModule);
                channels = width;
            }
            if (level < widths.Count - 1)
            {
                size *= 2;
                sum += Conv(channels, channels, size);
            }
        }
        return sum + Conv(channels, model.OutChannels, size);
    }

    /// <summary>One frame through the autoencoder: two pictures encoded (masked and reference), one decoded.</summary>
    /// <param name="resolution">Pixels of a side.</param>
    public static FlopCount AutoencoderFrame(int resolution)
    {
        IReadOnlyList<int> widths = Autoencoder.BlockOutChannels;
        FlopCount encoder = Conv(Autoencoder.InChannels, widths[0], resolution),
            decoder = Conv(widths[0], Autoencoder.OutChannels, resolution);
        int size = resolution,
            channels = widths[0];
        for (int level = 0; level < widths.Count; level++)
        {
            encoder +=
                Resnet(channels, widths[level], size) + (Autoencoder.LayersPerBlock - 1) * Resnet(widths[level], widths[level], size);
            channels = widths[level];
            // The decoder goes the same way back, with a resnet more in each level.
            int coarser = widths[Math.Min(level + 1, widths.Count - 1)];
            decoder += Resnet(coarser, channels, size) + Autoencoder.LayersPerBlock * Resnet(channels, channels, size);
            if (level < widths.Count - 1)
            {
                decoder += Conv(coarser, coarser, size);
                size /= 2;
                encoder += Conv(channels, channels, size);
            }
        }
        FlopCount middle = 2 * Resnet(channels, channels, size) + AttentionBlock(channels, size * size);
        encoder += middle + Conv(channels, 2 * Autoencoder.LatentChannels, size);
        decoder += middle + Conv(Autoencoder.LatentChannels, channels, size);
        return 2 * encoder + decoder;
    }

    /// <summary>One second of video.</summary>
    /// <param name="model">The denoising network.</param>
    /// <param name="resolution">Pixels of a side.</param>
    /// <param name="steps">Denoising steps.</param>
    /// <param name="guided">Guidance doubles the denoising.</param>
    public static FlopCount SecondOfVideo(UNet3DConfiguration model, int resolution, int steps, bool guided) =>
        FramesPerSecond * (steps * (guided ? 2 : 1) * DenoisingFrame(model, resolution / 8, 16) + AutoencoderFrame(resolution));

    private static FlopCount Layer(
        UNet3DConfiguration model,
        int from,
        int width,
        int size,
        int frames,
        bool hasSpatial,
        bool hasTemporal
    ) =>
        Resnet(from, width, size)
        + (hasSpatial ? Spatial(width, size, model.CrossAttentionDim) : default)
        + (hasTemporal ? Temporal(width, size, frames) : default);

    private static FlopCount Conv(int from, int to, int size) => new(2.0 * 9 * from * to * size * size, 0);

    private static FlopCount Linear(int from, int to, double tokens) => new(0, 2 * tokens * from * to);

    private static FlopCount Attention(double queries, double keys, int width) => new(0, 4 * queries * keys * width);

    private static FlopCount Resnet(int from, int to, int size) =>
        Conv(from, to, size) + Conv(to, to, size) + (from == to ? default : Linear(from, to, (double)size * size));

    /// <summary>The gated feed-forward network: width to 8 widths, and 4 widths back.</summary>
    private static FlopCount FeedForward(int width, double tokens) => Linear(width, 8 * width, tokens) + Linear(4 * width, width, tokens);

    private static FlopCount Spatial(int width, int size, int audioWidth)
    {
        double tokens = (double)size * size;
        FlopCount self = Linear(width, 4 * width, tokens) + Attention(tokens, tokens, width);
        FlopCount cross =
            Linear(width, 2 * width, tokens) + Linear(audioWidth, 2 * width, AudioTokens) + Attention(tokens, AudioTokens, width);
        return Linear(width, 2 * width, tokens) + self + cross + FeedForward(width, tokens);
    }

    private static FlopCount Temporal(int width, int size, int frames)
    {
        double tokens = (double)size * size;
        return Linear(width, 2 * width, tokens)
            + 2 * (Linear(width, 4 * width, tokens) + Attention(tokens, frames, width))
            + FeedForward(width, tokens);
    }

    private static FlopCount AttentionBlock(int width, double tokens) =>
        Linear(width, 4 * width, tokens) + Attention(tokens, tokens, width);
}
