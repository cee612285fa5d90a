using LatentSync.Models.Tests.Loading;
using LatentSync.Models.Tests.UNets;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Gradients;

/// <summary>The whole denoising network, small, in float64.</summary>
public sealed class UNetGradientTests
{
    // The finest level 4x6: positions, frames and tokens all different, one size odd after halving.
    private static readonly long[] SampleShape = [2, 5, 3, 4, 6];

    public static IEnumerable<TheoryDataRow<string>> Backends => TrainingBackends.OneByDefault;

    [Theory]
    [MemberData(nameof(Backends))]
    public void Backward_WholeNetwork_EqualsFiniteDifferences(string backend)
    {
        using IDisposable use = TrainingBackends.Use(backend);
        using UNet3DConditionModel network = Double(UNetFixtures.Small);
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = Noise(1, SampleShape);
        Tensor tokens = Noise(2, 2, 3, 7, 12);
        Tensor timesteps = tensor(new long[] { 301, 7 });
        DirectionalDerivative.AssertEqualsAutograd(
            () => network.forward(sample, timesteps, tokens),
            [("sample", sample), ("tokens", tokens), .. network.named_parameters().Select(p => (Layer(p.name), (Tensor)p.parameter))]
        );
    }

    [Fact]
    public void Backward_ZeroContextItems_EqualsFiniteDifferences()
    {
        using IDisposable use = TrainingBackends.Use("managed-flash");
        using UNet3DConditionModel network = Double(UNetFixtures.Small);
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = Noise(1, SampleShape);
        Tensor tokens = Noise(2, 1, 3, 7, 12);
        Tensor timestep = tensor(301L);
        UNetForwardOptions options = new() { ZeroContextItems = 1 };
        DirectionalDerivative.AssertEqualsAutograd(
            () => network.forward(sample, timestep, tokens, options),
            [
                ("sample", sample),
                ("tokens", tokens),
                .. network
                    .named_parameters()
                    .Where(p => p.name.Contains("attn2", StringComparison.Ordinal) || p.name.Contains("norm2", StringComparison.Ordinal))
                    .Select(p => (Layer(p.name), (Tensor)p.parameter)),
            ]
        );
    }

    /// <summary>What stage 2 trains: gradients of a part must be those of the whole.</summary>
    [Theory]
    [InlineData("motion_modules.", "attentions.")]
    [InlineData("motion_modules.", "attn2.")]
    [InlineData("conv_out", "up_blocks.1.resnets.1.conv2")]
    public void Backward_SomeParametersFrozen_GivesTheOthersTheSameGradients(string first, string second)
    {
        using UNet3DConditionModel network = Double(UNetFixtures.Small);
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = Noise(1, SampleShape);
        Tensor tokens = Noise(2, 2, 3, 7, 12);
        Tensor timestep = tensor(301L);
        Dictionary<string, Tensor> whole = Gradients();
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in network.named_parameters())
        {
            parameter.requires_grad = name.Contains(first, StringComparison.Ordinal) || name.Contains(second, StringComparison.Ordinal);
            parameter.grad?.zero_();
        }
        Dictionary<string, Tensor> part = Gradients();
        Assert.InRange(part.Count, 3, whole.Count - 1);
        Assert.All(part, entry => Assert.True(TensorAssert.RelativeError(entry.Value, whole[entry.Key]) < 1e-12, entry.Key));

        Dictionary<string, Tensor> Gradients()
        {
            using Tensor output = network.forward(sample, timestep, tokens);
            using Tensor loss = (output * output).mean();
            loss.backward();
            return network
                .named_parameters()
                .Where(p => p.parameter.requires_grad)
                .ToDictionary(p => p.name, p => p.parameter.grad!.clone());
        }
    }

    [Fact]
    public void Backward_OnceMore_LeavesNoTensorsBehind()
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        using Tensor sample = UNetFixtures.Noise(1, SampleShape);
        using Tensor tokens = UNetFixtures.Noise(2, 2, 3, 7, 12);
        using Tensor timestep = tensor(301L);
        Step();
        Assert.Equal(0, LiveTensors.LeftBy(Step));

        void Step()
        {
            using DisposeScope scope = NewDisposeScope();
            network.forward(sample, timestep, tokens).sum().backward();
        }
    }

    // "down_blocks.0.resnets.0" of "down_blocks.0.resnets.0.conv1.weight"; parameter by parameter the blocks have their own tests.
    private static string Layer(string name) => string.Join('.', name.Split('.').Take(4));

    internal static UNet3DConditionModel Double(UNet3DConfiguration configuration)
    {
        UNet3DConditionModel network = UNetFixtures.Random(configuration);
        network.to(ScalarType.Float64);
        return network;
    }

    internal static Tensor Noise(ulong seed, params long[] shape)
    {
        using Generator generator = new(seed);
        return randn(shape, ScalarType.Float64, generator: generator);
    }
}
