using LatentSync.Models.Layers;
using LatentSync.Models.SyncNets;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.SyncNets;

/// <summary>Analytic gradients against central differences in float64. A step of 1e-6: of 1e-5 the curvature of a norm over two numbers
/// would show (2e-6).</summary>
public sealed class SyncNetGradientTests
{
    private const double Step = 1e-6,
        Tolerance = 1e-6;

    [Theory]
    [InlineData(32, 1, 1)]
    [InlineData(64, 2, 2)]
    [InlineData(64, 2, 1)]
    [InlineData(32, 1, 2)]
    [InlineData(32, 2, 3)]
    public void Residual_AnyFactor_HasTheGradientOfItsDifferences(int outChannels, int vertical, int horizontal)
    {
        using SyncNetResidual block = new(
            new SyncNetSettings(ScalarType.Float64, CPU),
            32,
            outChannels,
            new SyncNetFactor(vertical, horizontal)
        );
        CheckBlock(block, [2, 32, 5, 6]);
    }

    [Fact]
    public void Attention_Block_HasTheGradientOfItsDifferences()
    {
        using SyncNetAttention block = new(new SyncNetSettings(ScalarType.Float64, CPU), 32, "syncnet.test");
        CheckBlock(block, [2, 32, 3, 2]);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Network_WholeWithCosine_HasTheGradientOfItsDifferences()
    {
        using StableSyncNet network = SyncNetFixtures.Random(ScalarType.Float64);
        using Tensor visual = SyncNetFixtures.Visual(2, ScalarType.Float64).requires_grad_();
        using Tensor audio = SyncNetFixtures.Audio(2, ScalarType.Float64).requires_grad_();
        Check(
            () =>
            {
                (Tensor v, Tensor a) = network.Embed(visual, audio);
                return StableSyncNet.Similarity(v, a).sum();
            },
            [visual, audio, .. network.parameters()],
            samples: 2
        );
    }

    [Fact]
    public void Network_WithGradientCheckpointing_HasTheSameGradients()
    {
        using StableSyncNet network = SyncNetFixtures.Random(ScalarType.Float64);
        using Tensor visual = SyncNetFixtures.Visual(2, ScalarType.Float64).requires_grad_();
        using Tensor audio = SyncNetFixtures.Audio(2, ScalarType.Float64);
        Tensor[] variables = [visual, .. network.parameters()];
        Tensor[] plain = Gradients();
        network.GradientCheckpointing = true;
        Tensor[] repeated = Gradients();
        for (int i = 0; i < plain.Length; i++)
        {
            Assert.True(plain[i].allclose(repeated[i], 1e-9, 1e-12), $"gradient {i}");
        }

        Tensor[] Gradients()
        {
            foreach (Tensor variable in variables)
            {
                variable.grad = null;
            }
            using DisposeScope scope = NewDisposeScope();
            (Tensor v, Tensor a) = network.Embed(visual, audio);
            StableSyncNet.Similarity(v, a).sum().backward();
            return [.. variables.Select(variable => variable.grad!.clone().DetachFromDisposeScope())];
        }
    }

    private static void CheckBlock(nn.Module<Tensor, Tensor> block, long[] shape)
    {
        using Generator generator = new(4);
        ModelLayer.InitializeAll(block, generator);
        using (no_grad())
        {
            foreach (Parameter parameter in block.parameters().Where(p => p.dim() == 1))
            {
                parameter.add_(rand(parameter.shape, ScalarType.Float64, generator: generator).mul(0.2)); // norms other than 1 and 0
            }
        }
        using Tensor input = randn(shape, ScalarType.Float64, generator: generator).requires_grad_();
        using Tensor weights = randn(block.call(input).shape, ScalarType.Float64, generator: generator);
        Check(() => (block.call(input) * weights).sum(), [input, .. block.parameters()], samples: 4);
    }

    private static void Check(Func<Tensor> compute, IReadOnlyList<Tensor> variables, int samples)
    {
        using DisposeScope scope = NewDisposeScope();
        compute().backward();
        Random random = new(11);
        int notZero = 0;
        foreach (Tensor variable in variables)
        {
            Tensor gradient = variable.grad!.flatten();
            for (int i = 0; i < Math.Min(samples, variable.numel()); i++)
            {
                long at = random.NextInt64(variable.numel());
                double expected = (Shifted(compute, variable, at, Step) - Shifted(compute, variable, at, -Step)) / (2 * Step);
                double actual = gradient[at].item<double>();
                Assert.True(
                    Math.Abs(actual - expected) <= Tolerance * (1 + Math.Abs(expected)),
                    $"({string.Join(", ", variable.shape)})[{at}]: {actual} against {expected}"
                );
                notZero += Math.Abs(expected) > 1e-4 ? 1 : 0;
            }
        }
        Assert.True(notZero > variables.Count / 2, $"only {notZero} gradients were not 0");
    }

    private static double Shifted(Func<Tensor> compute, Tensor variable, long at, double by)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor element = variable.view(-1).narrow(0, at, 1);
        double before = element.item<double>();
        element.fill_(before + by);
        double result = compute().item<double>();
        element.fill_(before);
        return result;
    }
}
