using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.UNets;

namespace LatentSync.Networks;

/// <summary>Shapes of the networks of a seeded checkpoint.</summary>
/// <param name="UNet">The denoising network.</param>
/// <param name="Whisper">The speech encoder.</param>
/// <param name="Autoencoder">The image autoencoder.</param>
/// <param name="IsHalf">UNet and autoencoder are stored in half precision (Whisper always is, as published).</param>
internal sealed record SeededNetworks(
    UNet3DConfiguration UNet,
    WhisperConfiguration Whisper,
    AutoencoderConfiguration Autoencoder,
    bool IsHalf
)
{
    private const int DemoTokenWidth = 64;
    private const int DemoHeads = 4;

    public static SeededNetworks Of(SeededCheckpointSize size) => size == SeededCheckpointSize.Full ? Full() : Demo();

    private static SeededNetworks Full() =>
        new(
            UNet3DConfiguration.LatentSync15(),
            new WhisperConfiguration
            {
                MelBands = 80,
                AudioPositions = 1500,
                AudioWidth = 384,
                AudioHeads = 6,
                AudioLayers = 4,
            },
            new AutoencoderConfiguration
            {
                BlockOutChannels = [128, 256, 512, 512],
                DownBlockHasAttention = [false, false, false, false],
                UpBlockHasAttention = [false, false, false, false],
                LayersPerBlock = 2,
                NormNumGroups = 32,
            },
            IsHalf: false
        );

    private static SeededNetworks Demo() =>
        new(
            UNet3DConfiguration.LatentSync15() with
            {
                BlockOutChannels = [32, 32, 32, 64],
                HeadCounts = [DemoHeads, DemoHeads, DemoHeads, DemoHeads],
                CrossAttentionDim = DemoTokenWidth,
                LayersPerBlock = 1,
            },
            new WhisperConfiguration
            {
                MelBands = 80,
                AudioPositions = 1500,
                AudioWidth = DemoTokenWidth,
                AudioHeads = 2,
                AudioLayers = 2,
            },
            new AutoencoderConfiguration
            {
                BlockOutChannels = [16, 16, 32, 32],
                DownBlockHasAttention = [false, false, false, false],
                UpBlockHasAttention = [false, false, false, false],
                LayersPerBlock = 1,
                NormNumGroups = 16,
            },
            IsHalf: true
        );
}
