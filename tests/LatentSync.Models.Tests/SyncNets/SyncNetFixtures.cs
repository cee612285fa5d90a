using LatentSync.Models.SyncNets;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.SyncNets;

/// <summary>SyncNets small enough for finite differences.</summary>
internal static class SyncNetFixtures
{
    /// <summary>Two frames of 8 x 8 pixels, of which the lower half is seen, and 12 columns of sound; attention in both encoders. The last
    /// norm has groups of two: of one channel and one position nothing but rounding would be left.</summary>
    public static SyncNetConfiguration Small { get; } =
        new()
        {
            Audio = new SyncNetEncoderConfiguration
            {
                InChannels = 1,
                BlockOutChannels = [32, 32, 32, 64],
                DownsampleFactors = [new SyncNetFactor(8, 2), new SyncNetFactor(5, 3), 2, 1],
                AttentionBlocks = [false, true, false, false],
            },
            Visual = new SyncNetEncoderConfiguration
            {
                InChannels = 6,
                BlockOutChannels = [32, 64, 64],
                DownsampleFactors = [new SyncNetFactor(1, 2), 2, 2],
                AttentionBlocks = [true, false, false],
            },
            NumFrames = 2,
            Resolution = 8,
            AudioColumns = 12,
        };

    public static StableSyncNet Random(ScalarType dtype = ScalarType.Float32, long seed = 1, SyncNetConfiguration? configuration = null)
    {
        StableSyncNet network = StableSyncNet.Create(configuration ?? Small, dtype, CPU);
        network.InitializeForTraining(seed);
        return network;
    }

    public static Tensor Visual(long batch, ScalarType dtype = ScalarType.Float32, ulong seed = 2)
    {
        using Generator generator = new(seed);
        return randn(batch, 6, 4, 8, dtype: dtype, generator: generator);
    }

    public static Tensor Audio(long batch, ScalarType dtype = ScalarType.Float32, ulong seed = 3)
    {
        using Generator generator = new(seed);
        return randn(batch, 1, 80, 12, dtype: dtype, generator: generator);
    }
}
