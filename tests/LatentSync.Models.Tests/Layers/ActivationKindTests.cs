using LatentSync.Models.Layers;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Layers;

public sealed class ActivationKindTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Mish_IsExactlyTorchSharpsMish(ScalarType type)
    {
        using var scope = NewDisposeScope();
        Tensor input = linspace(-30, 30, 1001).to(type);
        Tensor expected = nn.functional.mish(input);
        Assert.True(input.clone().ThenActivate(ActivationKind.Mish).eq(expected).all().item<bool>());
    }

    [Fact]
    public void Mish_HasAGradient()
    {
        using var scope = NewDisposeScope();
        Tensor input = linspace(-3, 3, 7).requires_grad_(),
            other = input.detach().clone().requires_grad_();
        input.alias().ThenActivate(ActivationKind.Mish).sum().backward();
        nn.functional.mish(other).sum().backward();
        Assert.True(input.grad!.allclose(other.grad!));
    }
}
