using LatentSync.Models.Layers;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Gradients;

/// <summary>The parts of the denoising network, every parameter by itself, in float64.</summary>
public sealed class UNetBlockGradientTests
{
    private const int Frames = 3;

    // b·f pictures of 3x2 positions.
    private static readonly long[] Hidden = [2 * Frames, 3, 2, 8];

    private static readonly UNet3DConfiguration Tiny = new()
    {
        InChannels = 3,
        OutChannels = 2,
        BlockOutChannels = [8, 12],
        LayersPerBlock = 1,
        DownBlockHasAttention = [true, false],
        UpBlockHasAttention = [false, true],
        HeadCounts = [2, 2],
        CrossAttentionDim = 5,
        NormNumGroups = 4,
        AddAudioLayer = true,
        UseMotionModule = true,
        MotionModuleMidBlock = true,
        MotionModuleResolutions = [1, 2, 4, 8],
        MotionModule = new MotionModuleConfiguration
        {
            HeadCount = 2,
            BlockCount = 1,
            PositionEncoding = true,
            MaximumFrames = 4,
        },
    };

    public static TheoryData<string> Backends => TrainingBackends.Names;

    [Theory]
    [InlineData(false, 8, 1.0)]
    [InlineData(true, 8, 1.0)]
    [InlineData(false, 12, 1.5)]
    public void Backward_ResnetBlock_EqualsFiniteDifferences(bool perFrameNorms, int outChannels, double outputScale)
    {
        UNet3DConfiguration configuration = Tiny with { PerFrameNorms = perFrameNorms };
        Check(
            new ResnetBlock(Settings(configuration), "resnet", 8, outChannels, outputScale),
            (block, x, pass) => block.Forward(x, pass),
            usesTokens: false
        );
    }

    [Fact]
    public void Backward_ResnetBlockThatScales_EqualsFiniteDifferences()
    {
        ResnetBlock block = new(Settings(Tiny with { TimeScaleShift = true }), "resnet", 8, 8);
        Check(
            block,
            (b, x, pass) => b.Forward(x, pass),
            usesTokens: false,
            skip: name => name.StartsWith("double_len_linear", StringComparison.Ordinal)
        );
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Backward_SpatialTransformer_EqualsFiniteDifferences(string backend)
    {
        using IDisposable use = TrainingBackends.Use(backend);
        Check(new SpatialTransformer(Settings(Tiny), "attentions", 8, 2), (block, x, pass) => block.Forward(x, pass));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Backward_SpatialTransformerWithLinearProjection_EqualsFiniteDifferences(int zeroContextItems)
    {
        SpatialTransformer block = new(Settings(Tiny with { UseLinearProjection = true }), "attentions", 8, 2);
        Check(block, (b, x, pass) => b.Forward(x, pass), zeroContextItems: zeroContextItems);
    }

    // Its group norm has 32 groups whatever the configuration says.
    [Theory]
    [MemberData(nameof(Backends))]
    public void Backward_MotionModule_EqualsFiniteDifferences(string backend)
    {
        using IDisposable use = TrainingBackends.Use(backend);
        UNet3DConfiguration wide = Tiny with { BlockOutChannels = [32, 64] };
        Check(
            new MotionModule(Settings(wide), "motion", 32),
            (block, x, pass) => block.Forward(x, pass),
            usesTokens: false,
            usesTime: false,
            channels: 32
        );
    }

    [Fact]
    public void Backward_DownBlock_EqualsFiniteDifferences()
    {
        UNet3DConfiguration wide = Tiny with { BlockOutChannels = [32, 64] };
        Check(new DownBlock(Settings(wide), 0), Forward, channels: 32);

        // Every skip is used later, so every one has a gradient.
        static Tensor Forward(DownBlock block, Tensor input, UNetPass pass)
        {
            List<Tensor> skips = [input];
            block.Forward(skips, pass);
            return cat([.. skips.Skip(1).Select(skip => skip.flatten())]);
        }
    }

    [Fact]
    public void Backward_MidBlock_EqualsFiniteDifferences()
    {
        UNet3DConfiguration wide = Tiny with
        {
            BlockOutChannels = [32],
            DownBlockHasAttention = [true],
            UpBlockHasAttention = [true],
            HeadCounts = [2],
        };
        Check(new MidBlock(Settings(wide)), (block, x, pass) => block.Forward(x, pass), channels: 32);
    }

    [Fact]
    public void Backward_UpBlock_EqualsFiniteDifferences()
    {
        UNet3DConfiguration wide = Tiny with { BlockOutChannels = [32, 32], UpBlockHasAttention = [true, true], LayersPerBlock = 1 };
        using DisposeScope scope = NewDisposeScope();
        Tensor[] skips =
        [
            .. Enumerable.Range(0, 3).Select(i => UNetGradientTests.Noise(20 + (ulong)i, 2 * Frames, i == 0 ? 5 : 3, i == 0 ? 4 : 2, 32)),
        ];
        Check(new UpBlock(Settings(wide), 0), Forward, channels: 32, further: [("skip 1", skips[1]), ("skip 2", skips[2])]);

        Tensor Forward(UpBlock block, Tensor input, UNetPass pass)
        {
            List<Tensor> left = [.. skips.Select(skip => skip.alias())]; // the block disposes what it takes
            Tensor hidden = input.alias();
            for (int layer = 0; layer < block.LayerCount; layer++)
            {
                hidden = block.ForwardLayer(layer, hidden, left, pass);
            }
            return block.Finish(hidden, left, pass);
        }
    }

    private static UNetSettings Settings(UNet3DConfiguration configuration) => new(configuration, ScalarType.Float64, CPU);

    private static void Check<TBlock>(
        TBlock block,
        Func<TBlock, Tensor, UNetPass, Tensor> forward,
        bool usesTokens = true,
        bool usesTime = true,
        int zeroContextItems = 0,
        int channels = 8,
        Predicate<string>? skip = null,
        IEnumerable<(string, Tensor)>? further = null
    )
        where TBlock : nn.Module
    {
        using TBlock owned = block;
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(5);
        ModelLayer.InitializeAll(block, generator);
        Tensor hidden = UNetGradientTests.Noise(1, [.. Hidden[..3], channels]);
        int width = 4 * (channels == 8 ? 8 : 32);
        Tensor time = UNetGradientTests.Noise(2, 2, width);
        Tensor tokens = UNetGradientTests.Noise(3, (2 - zeroContextItems) * Frames, 4, 5);
        UNetPass pass = new(2, Frames, time, tokens, zeroContextItems, null);
        List<(string, Tensor)> leaves = [("input", hidden), .. further ?? []];
        leaves.AddRange(usesTime && block is not SpatialTransformer ? [("time", time)] : []);
        leaves.AddRange(usesTokens ? [("tokens", tokens)] : []);
        leaves.AddRange(block.named_parameters().Where(p => skip?.Invoke(p.name) != true).Select(p => (p.name, (Tensor)p.parameter)));
        DirectionalDerivative.AssertEqualsAutograd(() => forward(block, hidden, pass), leaves);
    }
}
