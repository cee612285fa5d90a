using LatentSync.Models.Layers;
using LatentSync.Models.Tests.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Gradients;

/// <summary>libtorch has one backward pass per order of memory, and not each of them asks which gradients are wanted.</summary>
public sealed class GroupNormGradientTests
{
    public static TheoryData<bool, bool, int, bool> Cases()
    {
        TheoryData<bool, bool, int, bool> data = [];
        foreach (bool input in new[] { true, false })
        {
            foreach (bool weight in new[] { true, false })
            {
                foreach (int axes in new[] { 3, 4, 5 })
                {
                    foreach (bool isChannelsLast in new[] { true, false })
                    {
                        if (input || weight)
                        {
                            data.Add(input, weight, axes, isChannelsLast);
                        }
                    }
                }
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Backward_WantedGradients_AreThoseOfAll(bool input, bool weight, int axes, bool isChannelsLast)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] sizes = [2, 8, .. new long[] { 3, 5, 4 }.Take(axes - 2)];
        Tensor values = UNetGradientTests.Noise(1, sizes);
        Tensor[] expected = Gradients(values.clone().requires_grad_(), true);

        Tensor given = isChannelsLast ? values.movedim([1], [axes - 1]).contiguous().movedim([axes - 1], [1]) : values;
        Tensor[] actual = Gradients(given.detach().requires_grad_(input), weight);

        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(i == 0 ? input : weight, actual[i] is not null);
            Assert.True(actual[i] is null || TensorAssert.RelativeError(actual[i], expected[i]) < 1e-12);
        }

        Tensor[] Gradients(Tensor leaf, bool trains)
        {
            GroupNormLayer layer = new(4, 8, 1e-5, ScalarType.Float64, CPU);
            using Generator generator = new(3);
            ModelLayer.InitializeAll(layer, generator);
            Tensor[] leaves = [leaf, .. layer.parameters()];
            foreach (TorchSharp.Modules.Parameter parameter in layer.parameters())
            {
                parameter.requires_grad = trains;
            }
            Tensor output = layer.call(leaf);
            (output * output * output).sum().backward();
            return [.. leaves.Select(each => each.grad is { } gradient ? gradient.clone() : null!)];
        }
    }
}
