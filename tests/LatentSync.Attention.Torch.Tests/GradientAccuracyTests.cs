using System.Globalization;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>The errors of managed-flash's gradients against float64, beside those of libtorch's own flash kernel on the same
/// numbers.</summary>
public sealed class GradientAccuracyTests
{
    /// <summary>Both sum the same products in some order; more than this would be worse arithmetic.</summary>
    private const double MostTimesLibTorch = 1.5;

    public static TheoryData<ScalarType, int, int, int, bool> Problems()
    {
        var data = new TheoryData<ScalarType, int, int, int, bool>();
        foreach (ScalarType dtype in new[] { ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16, ScalarType.Float64 })
        {
            data.Add(dtype, 300, 300, 40, false);
            data.Add(dtype, 257, 129, 64, true);
            data.Add(dtype, 64, 1000, 80, false);
            data.Add(dtype, 1000, 50, 160, false);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Problems))]
    public void Backward_RandomNumbers_IsAsExactAsLibTorch(ScalarType dtype, int queries, int keys, int headDim, bool isCausal)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator((ulong)(queries + keys));
        Tensor[] operands =
        [
            .. new[] { queries, keys, keys }.Select(length => randn([2, 3, length, headDim], generator: generator).to(dtype)),
        ];
        Tensor outputGradient = randn([2, 3, queries, headDim], generator: generator).to(dtype);
        var arguments = new AttentionArguments { IsCausal = isCausal };

        Tensor[] exact = Gradients("torch-math", operands, outputGradient, arguments, ScalarType.Float64);
        Tensor[] own = Gradients("managed-flash", operands, outputGradient, arguments, dtype);
        Tensor[] peer = Gradients("torch-flash", operands, outputGradient, arguments, dtype);

        for (int i = 0; i < exact.Length; i++)
        {
            (double ownMean, double ownWorst) = Errors(own[i], exact[i]);
            (double peerMean, double peerWorst) = Errors(peer[i], exact[i]);

            // The references of float64 have errors of their own there, of some roundings.
            double floor = dtype == ScalarType.Float64 ? 1e-14 : 0;
            string found = string.Create(
                CultureInfo.InvariantCulture,
                $"gradient {i} (q, k, v): root mean square {ownMean:G3}, worst {ownWorst:G3}; libtorch {peerMean:G3}, {peerWorst:G3}"
            );
            Assert.True(ownMean <= MostTimesLibTorch * peerMean + floor, found);
            Assert.True(ownWorst <= MostTimesLibTorch * peerWorst + floor, found);
            TestContext.Current.TestOutputHelper?.WriteLine(found);
        }
    }

    private static Tensor[] Gradients(
        string backend,
        Tensor[] operands,
        Tensor outputGradient,
        AttentionArguments arguments,
        ScalarType dtype
    )
    {
        Tensor[] leaves = [.. operands.Select(operand => operand.detach().clone().to(dtype).requires_grad_())];
        Tensor output = TestDispatchers.Requiring(TestDispatchers.Create(backend)).Run(leaves[0], leaves[1], leaves[2], arguments);
        output.backward([outputGradient.to(dtype)]);
        return [.. leaves.Select(leaf => leaf.grad!)];
    }

    private static (double Mean, double Worst) Errors(Tensor found, Tensor exact)
    {
        Tensor error = found.to(ScalarType.Float64) - exact;
        return (Math.Sqrt(error.square().mean().item<double>()), error.abs().max().item<double>());
    }
}
