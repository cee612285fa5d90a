using LatentSync.Models.Autoencoders;
using LatentSync.Models.Tests.Autoencoders;
using LatentSync.Models.Tests.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Gradients;

/// <summary>The whole image autoencoder, small, in float64.</summary>
public sealed class AutoencoderGradientTests
{
    internal static readonly AutoencoderConfiguration Small = new()
    {
        BlockOutChannels = [8, 12],
        DownBlockHasAttention = [false, true],
        UpBlockHasAttention = [true, false],
        NormNumGroups = 4,
        LatentChannels = 3,
    };

    public static IEnumerable<TheoryDataRow<string>> Backends => TrainingBackends.OneByDefault;

    [Theory]
    [MemberData(nameof(Backends))]
    public void Backward_Decode_EqualsFiniteDifferences(string backend)
    {
        using IDisposable use = TrainingBackends.Use(backend);
        using AutoencoderKL vae = Double(Small);
        using DisposeScope scope = NewDisposeScope();
        Tensor latents = UNetGradientTests.Noise(1, 2, 3, 4, 3);
        DirectionalDerivative.AssertEqualsAutograd(
            () => vae.Decode(latents),
            [("latents", latents), .. Parameters(vae, "decoder.", "post_quant_conv.")],
            IsZero
        );
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void Backward_Encode_EqualsFiniteDifferences(string backend)
    {
        using IDisposable use = TrainingBackends.Use(backend);
        using AutoencoderKL vae = Double(Small);
        using DisposeScope scope = NewDisposeScope();
        Tensor pixels = UNetGradientTests.Noise(1, 2, 3, 8, 7);
        DirectionalDerivative.AssertEqualsAutograd(Compute, [("pixels", pixels), .. Parameters(vae, "encoder.", "quant_conv.")], IsZero);

        Tensor Compute()
        {
            (Tensor mean, Tensor logVariance) = vae.Encode(pixels);
            return AutoencoderKL.Sample(mean, logVariance, UNetGradientTests.Noise(3, mean.shape));
        }
    }

    /// <summary>As in training: the network is frozen, the gradient goes through it to the latents.</summary>
    [Fact]
    public void Backward_FrozenNetwork_GivesTheLatentsTheSameGradient()
    {
        using AutoencoderKL vae = Double(Small);
        using DisposeScope scope = NewDisposeScope();
        Tensor latents = UNetGradientTests.Noise(1, 2, 3, 4, 3).requires_grad_();
        SumOfSquares(vae.Decode(latents)).backward();
        Tensor expected = latents.grad!.clone();
        latents.grad!.zero_();
        foreach (TorchSharp.Modules.Parameter parameter in vae.parameters())
        {
            parameter.requires_grad = false;
        }
        SumOfSquares(vae.Decode(latents)).backward();
        Assert.True(TensorAssert.RelativeError(latents.grad!, expected) < 1e-12);
        Assert.Equal(0, LiveTensors.LeftBy(Step));

        void Step()
        {
            using DisposeScope inner = NewDisposeScope();
            SumOfSquares(vae.Decode(latents)).backward();
        }
    }

    private static Tensor SumOfSquares(Tensor output) => (output * output).sum();

    // softmax does not change when the same number is added to all scores of a query, which is what a bias of the keys does
    private static bool IsZero(string name) => name.EndsWith("to_k.bias", StringComparison.Ordinal);

    private static AutoencoderKL Double(AutoencoderConfiguration configuration)
    {
        AutoencoderKL vae = AutoencoderKLTests.Seeded(configuration, 1);
        vae.to(ScalarType.Float64);
        return vae;
    }

    private static IEnumerable<(string Name, Tensor Tensor)> Parameters(nn.Module module, params string[] prefixes) =>
        module
            .named_parameters()
            .Where(p => prefixes.Any(prefix => p.name.StartsWith(prefix, StringComparison.Ordinal)))
            .Select(p => (p.name, (Tensor)p.parameter));
}
