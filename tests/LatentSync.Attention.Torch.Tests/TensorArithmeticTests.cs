using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>The arithmetic with kept numbers gives what TorchSharp's operators give, bit for bit and in the same type.</summary>
public sealed class TensorArithmeticTests
{
    [Theory]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Byte)]
    public void Arithmetic_IsThatOfTheOperators(ScalarType type)
    {
        using var scope = NewDisposeScope();
        Tensor a = arange(1, 40, ScalarType.Float64).div(3).to(type),
            b = a.flip(0);
        Same(a + b, a.Plus(b));
        Same(a + 0.1, a.Plus(0.1));
        Same(a + 2, a.Plus(2));
        Same(a - 0.1, a.Minus(0.1));
        Same(a - 1, a.Minus(1));
        Same(a * 0.1, a.Times(0.1));
        Same(a * 3, a.Times(3));
        Same(a / 0.3, a.Over(0.3));
        Same(a / 7, a.Over(7));
        Same(arange(2, 40, 3, type), TensorArithmetic.Range(2, 40, type, step: 3));
    }

    [Fact]
    public void EqualNumbers_AreOneScalar_WholeOnesAndSignedZerosApart()
    {
        Assert.Same(Scalars.Of(0.25), Scalars.Of(0.25));
        Assert.Same(Scalars.Of(double.NaN), Scalars.Of(double.NaN));
        Assert.NotSame(Scalars.Of(2), Scalars.Of(2.0));
        Assert.NotSame(Scalars.Zero, Scalars.Of(-0.0));
        Assert.Equal(ScalarType.Int64, Scalars.Of(2).Type);
        Assert.Equal(ScalarType.Float64, Scalars.Of(2.0).Type);
    }

    private static void Same(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.dtype, actual.dtype);
        Assert.True(expected.eq(actual).all().item<bool>());
    }
}
