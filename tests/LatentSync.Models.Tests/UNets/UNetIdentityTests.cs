using LatentSync.Models.Layers;
using LatentSync.Models.Tests.Loading;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.UNets;

/// <summary>What must hold between configurations that no golden fixture shows: symmetries that a mistake would break.</summary>
public sealed class UNetIdentityTests
{
    private static UNet3DConfiguration Plain { get; } = UNetFixtures.Small with { UseMotionModule = false };

    [Fact]
    public void LinearProjection_WithTheConvolutionsWeights_GivesTheSame()
    {
        using UNet3DConditionModel convolutions = UNetFixtures.Random(Plain);
        using UNet3DConditionModel linear = UNet3DConditionModel.Create(Plain with { UseLinearProjection = true }, ScalarType.Float32, CPU);
        using IDisposable noGrad = no_grad();
        Dictionary<string, Tensor> source = convolutions.state_dict();
        foreach ((string key, Tensor target) in linear.state_dict())
        {
            target.copy_(source[key].view(target.shape));
        }
        Assert.True(TensorAssert.RelativeError(Run(linear), Run(convolutions)) < 1e-5);
    }

    [Fact]
    public void PerFrameNorms_WithoutTemporalLayers_MakeFramesIndependent()
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = UNetFixtures.Noise(1, 1, 5, 4, 8, 8);
        Tensor tokens = UNetFixtures.Noise(2, 1, 4, 3, 12);
        double Difference(UNet3DConfiguration configuration)
        {
            using UNet3DConditionModel network = UNetFixtures.Random(configuration);
            Tensor together = network.forward(sample, tensor(7L), tokens);
            Tensor alone = network.forward(sample.narrow(2, 1, 1), tensor(7L), tokens.narrow(1, 1, 1));
            return TensorAssert.RelativeError(alone, together.narrow(2, 1, 1));
        }
        Assert.True(Difference(Plain with { PerFrameNorms = true }) < 1e-5);
        Assert.True(Difference(Plain) > 1e-3);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PermutedFrames_GivePermutedNoise_UnlessPositionsAreEncoded(bool encoded)
    {
        UNet3DConfiguration configuration = UNetFixtures.Small with
        {
            MotionModuleMidBlock = true,
            MotionModule = new MotionModuleConfiguration
            {
                HeadCount = 2,
                BlockCount = 2,
                AttentionCount = 3,
                WidthDivisor = 2,
                PositionEncoding = encoded,
                MaximumFrames = 8,
            },
        };
        using UNet3DConditionModel network = UNetFixtures.Random(configuration);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor order = tensor(new long[] { 2, 0, 4, 1, 3 });
        Tensor sample = UNetFixtures.Noise(1, 2, 5, 5, 7, 9);
        Tensor tokens = UNetFixtures.Noise(2, 2, 5, 3, 12);
        Tensor noise = network.forward(sample, tensor(7L), tokens);
        Tensor permuted = network.forward(sample.index_select(2, order), tensor(7L), tokens.index_select(1, order));
        double difference = TensorAssert.RelativeError(permuted, noise.index_select(2, order));
        Assert.True(encoded ? difference > 1e-3 : difference < 1e-5, $"{difference}");
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 5)]
    [InlineData(8, 16)]
    public void AnySize_GivesNoiseOfThatSize(int height, int width)
    {
        UNet3DConfiguration configuration = UNetFixtures.Small with
        {
            BlockOutChannels = [32, 32, 64],
            DownBlockHasAttention = [false, true, true],
            UpBlockHasAttention = [true, false, true],
            HeadCounts = [1, 2, 8],
            LayersPerBlock = 2,
            DownsamplePadding = 2,
            TimeScaleShift = true,
            MidBlockScaleFactor = 1.5,
            ActivationFunction = "gelu",
            FlipSinToCos = false,
            FrequencyShift = 1,
            AddAudioLayer = false,
        };
        using UNet3DConditionModel network = UNetFixtures.Random(configuration);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor noise = network.forward(UNetFixtures.Noise(1, 1, 5, 2, height, width), tensor(7.5f), null);
        Assert.Equal([1, 2, 2, height, width], noise.shape);
        Assert.True(noise.isfinite().all().item<bool>() && noise.std().item<float>() > 1e-3);
        Assert.Contains("mid_block.resnets.0.double_len_linear.weight", network.state_dict().Keys);
        Assert.DoesNotContain(
            network.state_dict().Keys,
            key =>
                key.Contains("attn2", StringComparison.Ordinal)
                || key.EndsWith("transformer_blocks.0.norm2.weight", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Observer_EveryPath_NamesAModuleOfTheStateDictionary()
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, long[]> seen = [];
        UNetForwardOptions options = new() { Observer = (name, output) => seen[name] = output.shape };
        network.forward(UNetFixtures.Noise(1, 1, 5, 3, 8, 8), tensor(7L), UNetFixtures.Noise(2, 1, 3, 4, 12), options);
        string[] modules = [.. network.named_modules().Select(m => m.name)];
        Assert.All(seen.Keys.Except(["time_proj", "conv_act"]), name => Assert.Contains(name, modules));
        Assert.Equal([1, 32, 3, 4, 4], seen["down_blocks.0"]);
        Assert.Equal([1, 32, 3, 8, 8], seen["down_blocks.0.attentions.0"]);
        Assert.Equal([3, 64, 32], seen["down_blocks.0.attentions.0.transformer_blocks.0.attn2"]);
        Assert.Equal([1, 128], seen["time_embedding"]);
        Assert.Equal([1, 2, 3, 8, 8], seen["conv_out"]);
    }

    [Fact]
    public void FeedForward_MoreTokensThanASlice_EqualsTheWhole()
    {
        using FeedForwardNetwork network = new(width: 64, ScalarType.Float32, CPU);
        using Generator generator = new(4);
        ModelLayer.InitializeAll(network, generator);
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = UNetFixtures.Noise(1, 3, 12_000, 64); // 36,000 rows; 32,768 make a slice
        Tensor whole = network.Forward(tokens).detach(); // with gradients nothing is sliced
        using IDisposable noGrad = no_grad();
        Tensor sliced = network.Forward(tokens);
        Assert.Equal(tokens.shape, sliced.shape);
        Assert.True(TensorAssert.RelativeError(sliced, whole) < 1e-6);
    }

    private static Tensor Run(UNet3DConditionModel network)
    {
        using Tensor sample = UNetFixtures.Noise(1, 2, 5, 3, 8, 8);
        using Tensor tokens = UNetFixtures.Noise(2, 2, 3, 4, 12);
        using Tensor timestep = tensor(7L);
        return network.forward(sample, timestep, tokens);
    }
}
