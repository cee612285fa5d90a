using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Loading;

/// <summary>Assertions on tensors that print where and by how much they fail.</summary>
internal static class TensorAssert
{
    /// <summary>|actual - expected| ≤ atol + rtol · |expected| for every element; disposes <paramref name="expected"/>.</summary>
    public static void Close(Tensor actual, Tensor expected, double atol, double rtol)
    {
        using (expected)
        {
            Assert.Equal(expected.shape, actual.shape);
            using DisposeScope scope = NewDisposeScope();
            Tensor found = actual.to(ScalarType.Float64).flatten();
            Tensor wanted = expected.to(ScalarType.Float64).flatten();
            Tensor excess = ((found - wanted).abs() - wanted.abs() * rtol - atol).nan_to_num(double.PositiveInfinity);
            long failures = (excess > 0).sum().item<long>();
            long worst = excess.argmax().item<long>();
            string detail = string.Create(
                CultureInfo.InvariantCulture,
                $"{failures} of {wanted.numel()} differ; worst at {worst}: expected {wanted[worst].item<double>()}, actual {found[worst].item<double>()}"
            );
            Assert.True(failures == 0, detail);
        }
    }

    /// <summary>‖actual - expected‖ / ‖expected‖ in float64.</summary>
    public static double RelativeError(Tensor actual, Tensor expected)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor found = actual.to(ScalarType.Float64);
        Tensor wanted = expected.to(ScalarType.Float64);
        return ((found - wanted).norm() / wanted.norm()).item<double>();
    }
}
