using LatentSync.Checkpoints;
using LatentSync.Models.Tests.Loading;
using LatentSync.Models.UNets;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.UNets;

/// <summary>Networks of the golden fixtures, and small ones with seeded weights.</summary>
internal static class UNetFixtures
{
    public static UNet3DConditionModel Load(GoldenFixture golden)
    {
        UNet3DConditionModel network = UNet3DConditionModel.Create(
            UNet3DConfiguration.FromJson(golden.Configuration),
            ScalarType.Float32,
            CPU
        );
        using TensorArchive weights = golden.OpenWeights();
        UNetLoadReport report = UNetCheckpoint.Load(network, weights);
        Assert.Empty(report.Missing);
        Assert.Empty(report.Unexpected);
        return network;
    }

    /// <summary>Random weights in every layer, also in those that training starts from zero.</summary>
    public static UNet3DConditionModel Random(UNet3DConfiguration configuration, ulong seed = 7)
    {
        UNet3DConditionModel network = UNet3DConditionModel.Create(configuration, ScalarType.Float32, CPU);
        network.InitializeForTraining((long)seed);
        using IDisposable noGrad = no_grad();
        using Generator generator = new(seed);
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in network.named_parameters())
        {
            if (name.StartsWith("conv_", StringComparison.Ordinal) || name.Contains("proj_out", StringComparison.Ordinal))
            {
                parameter.normal_(0, 0.1, generator);
            }
        }
        return network;
    }

    /// <summary>Two levels, temporal layers everywhere: milliseconds per call.</summary>
    public static UNet3DConfiguration Small { get; } =
        new()
        {
            InChannels = 5,
            OutChannels = 2,
            BlockOutChannels = [32, 64],
            LayersPerBlock = 1,
            DownBlockHasAttention = [true, false],
            UpBlockHasAttention = [false, true],
            HeadCounts = [4, 4],
            CrossAttentionDim = 12,
            NormNumGroups = 8,
            AddAudioLayer = true,
            UseMotionModule = true,
            MotionModuleResolutions = [1, 2, 4, 8],
            MotionModule = new MotionModuleConfiguration
            {
                HeadCount = 4,
                BlockCount = 1,
                PositionEncoding = true,
                MaximumFrames = 6,
            },
        };

    /// <summary>Every element the same, bit for bit (NaN excepted).</summary>
    public static bool Same(Tensor left, Tensor right)
    {
        using Tensor equal = left.eq(right);
        using Tensor all = equal.all();
        return all.item<bool>();
    }

    public static Tensor Noise(ulong seed, params long[] shape)
    {
        using Generator generator = new(seed);
        return randn(shape, generator: generator);
    }
}
