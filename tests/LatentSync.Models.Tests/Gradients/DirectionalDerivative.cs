using System.Globalization;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Gradients;

/// <summary>
/// Autograd against finite differences in float64: for each leaf the derivative along a random direction d, which is ⟨gradient, d⟩,
/// must equal (f(x + h·d) - f(x - h·d)) / 2h. Leaves of one name move together.
/// </summary>
/// <remarks>
/// With h·‖d‖ = 1e-4 the formula's own error is about 1e-8 f‴/6, and rounding gives 1e-16 f / h, about 1e-11 f. The losses here are of the
/// order 1, so <see cref="Floor"/> is what a derivative that is zero in exact arithmetic may show.
/// </remarks>
internal static class DirectionalDerivative
{
    private const double DirectionNorm = 10;
    private const double Step = 1e-5;
    private const double Relative = 1e-5;
    private const double Floor = 2e-9;

    /// <summary>Checks every leaf, and that none but the named ones has a derivative that the check could not tell from zero.</summary>
    /// <param name="compute">The output, any shape, from the leaves' present values; the loss is its product with a fixed random
    /// tensor.</param>
    /// <param name="leaves">Tensors by name; those without requires_grad are given it.</param>
    /// <param name="isZero">Names of leaves whose gradient is zero in exact arithmetic; default none.</param>
    public static void AssertEqualsAutograd(
        Func<Tensor> compute,
        IEnumerable<(string Name, Tensor Tensor)> leaves,
        Predicate<string>? isZero = null
    )
    {
        IGrouping<string, Tensor>[] groups = [.. leaves.GroupBy(leaf => leaf.Name, leaf => leaf.Tensor)];
        foreach (Tensor leaf in groups.SelectMany(group => group))
        {
            Assert.Equal(ScalarType.Float64, leaf.dtype);
            leaf.requires_grad = true;
            leaf.grad?.zero_();
        }
        using Tensor cotangent = Cotangent(compute);
        using (DisposeScope scope = NewDisposeScope())
        {
            Loss(compute, cotangent).backward();
        }

        List<string> failures = [];
        for (int i = 0; i < groups.Length; i++)
        {
            string name = groups[i].Key;
            (double expected, double actual) = Derivatives(compute, cotangent, [.. groups[i]], 100 + (ulong)i);
            bool equal = Math.Abs(expected - actual) <= Floor + Relative * Math.Abs(expected);
            bool told = isZero?.Invoke(name) == true ? Math.Abs(actual) < Floor : Math.Abs(expected) > 100 * Floor;
            if (!equal || !told)
            {
                failures.Add(string.Create(CultureInfo.InvariantCulture, $"{name}: differences {expected:E6}, autograd {actual:E6}"));
            }
        }
        Assert.True(failures.Count == 0, $"{failures.Count} of {groups.Length}:\n{string.Join("\n", failures.Take(20))}");
    }

    private static (double Expected, double Actual) Derivatives(Func<Tensor> compute, Tensor cotangent, Tensor[] leaves, ulong seed)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(seed);
        double norm = Math.Sqrt(leaves.Sum(leaf => leaf.numel()));
        Tensor[] directions =
        [
            .. leaves.Select(leaf => randn(leaf.shape, ScalarType.Float64, generator: generator).Times(DirectionNorm / norm)),
        ];
        Tensor[] origins = [.. leaves.Select(leaf => leaf.clone())];
        double actual = leaves
            .Zip(directions, (leaf, d) => leaf.grad is { } gradient ? (gradient * d).sum().item<double>() : double.NaN)
            .Sum();
        double above = At(Step);
        double below = At(-Step);
        foreach ((Tensor leaf, Tensor origin) in leaves.Zip(origins))
        {
            leaf.copy_(origin);
        }
        return ((above - below) / (2 * Step), actual);

        double At(double step)
        {
            for (int i = 0; i < leaves.Length; i++)
            {
                leaves[i].copy_(origins[i].Plus(directions[i].Times(step)));
            }
            using Tensor loss = Loss(compute, cotangent);
            return loss.item<double>();
        }
    }

    private static Tensor Cotangent(Func<Tensor> compute)
    {
        using IDisposable noGrad = no_grad();
        using Tensor output = compute();
        using Generator generator = new(99);
        using Tensor noise = randn(output.shape, ScalarType.Float64, generator: generator);
        return noise.Over(Math.Sqrt(output.numel()));
    }

    private static Tensor Loss(Func<Tensor> compute, Tensor cotangent)
    {
        using Tensor output = compute();
        using Tensor products = output * cotangent;
        return products.sum();
    }
}
