using System.Globalization;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Parity;

/// <summary>Elementwise comparison with an absolute and a relative tolerance.</summary>
public static class ParityComparer
{
    /// <summary>Passes when every element satisfies |actual - expected| ≤ atol + rtol · |expected|; NaN never does.</summary>
    /// <param name="name">What is compared, for the report.</param>
    /// <param name="actual">This project's result, any dtype and device. Not modified, not disposed.</param>
    /// <param name="expected">The recorded result, of the same shape. Not modified, not disposed.</param>
    /// <param name="atol">Absolute tolerance, at least 0; 0 with <paramref name="rtol"/> 0 asks for equality.</param>
    /// <param name="rtol">Tolerance relative to the expected value, at least 0.</param>
    /// <returns>The comparison; another shape fails, an infinity equals itself.</returns>
    public static ParityComparison Compare(string name, Tensor actual, Tensor expected, double atol, double rtol)
    {
        if (!actual.shape.SequenceEqual(expected.shape))
        {
            string shapes = $"the shape is ({string.Join(", ", actual.shape)}), expected ({string.Join(", ", expected.shape)})";
            return new ParityComparison(name, false, double.PositiveInfinity, shapes);
        }
        string tolerance = string.Create(CultureInfo.InvariantCulture, $"atol {atol:g}, rtol {rtol:g}");
        if (expected.numel() == 0)
        {
            return new ParityComparison(name, true, 0, tolerance);
        }
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor found = actual.to(ScalarType.Float64).cpu().flatten();
        Tensor wanted = expected.to(ScalarType.Float64).cpu().flatten();
        Tensor equal = found == wanted;
        Tensor difference = where(equal, zeros_like(wanted), (found - wanted).abs()); // NaN where either is NaN
        difference = difference.nan_to_num(double.PositiveInfinity, double.PositiveInfinity, double.NegativeInfinity);
        Tensor excess = where(equal, full_like(wanted, Scalars.Of(-1.0)), difference - wanted.abs().Times(rtol).Plus(atol));
        excess = excess.nan_to_num(double.PositiveInfinity, double.PositiveInfinity, double.NegativeInfinity);
        double largest = difference.max().item<double>();
        long failures = excess.gt(Scalars.Zero).sum().item<long>();
        if (failures == 0)
        {
            return new ParityComparison(name, true, largest, tolerance);
        }
        long worst = excess.argmax().item<long>();
        string detail = string.Create(
            CultureInfo.InvariantCulture,
            $"{failures} of {wanted.numel()} elements differ; worst at [{string.Join(", ", Unravel(worst, expected.shape))}]: expected {wanted[worst].item<double>():g9}, actual {found[worst].item<double>():g9} ({tolerance})"
        );
        return new ParityComparison(name, false, largest, detail);
    }

    /// <summary>Compares figures that must be equal, such as counts and indices.</summary>
    /// <param name="name">What is compared, for the report.</param>
    /// <param name="actual">This project's values.</param>
    /// <param name="expected">The recorded values.</param>
    public static ParityComparison CompareExact(string name, IReadOnlyList<long> actual, IReadOnlyList<long> expected)
    {
        if (actual.Count != expected.Count)
        {
            return new ParityComparison(name, false, double.PositiveInfinity, $"{actual.Count} values, expected {expected.Count}");
        }
        int[] wrong = [.. Enumerable.Range(0, expected.Count).Where(i => actual[i] != expected[i])];
        if (wrong.Length == 0)
        {
            return new ParityComparison(name, true, 0, "exact");
        }
        int first = wrong[0];
        double largest = wrong.Max(i => Math.Abs((double)actual[i] - expected[i]));
        string detail = string.Create(
            CultureInfo.InvariantCulture,
            $"{wrong.Length} of {expected.Count} values differ; first at [{first}]: expected {expected[first]}, actual {actual[first]} (exact)"
        );
        return new ParityComparison(name, false, largest, detail);
    }

    private static long[] Unravel(long index, long[] shape)
    {
        long[] position = new long[shape.Length];
        for (int axis = shape.Length - 1; axis >= 0; axis--)
        {
            (index, position[axis]) = Math.DivRem(index, shape[axis]);
        }
        return position;
    }
}
