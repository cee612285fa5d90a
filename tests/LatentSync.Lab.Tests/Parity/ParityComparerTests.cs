using LatentSync.Lab.Parity;
using static TorchSharp.torch;

namespace LatentSync.Lab.Tests.Parity;

public sealed class ParityComparerTests
{
    [Theory]
    [InlineData(1.0f, 1.1f, 0.11, 0, true)]
    [InlineData(1.0f, 1.1f, 0.09, 0, false)]
    [InlineData(10.0f, 11.0f, 0, 0.11, true)]
    [InlineData(10.0f, 11.0f, 0, 0.09, false)]
    [InlineData(10.0f, 11.0f, 0.5, 0.051, true)]
    [InlineData(-10.0f, -11.0f, 0, 0.11, true)] // |expected|, not expected
    [InlineData(2.0f, 2.0f, 0, 0, true)]
    public void Compare_OneElement_FollowsTheFormula(float expected, float actual, double atol, double rtol, bool passes)
    {
        using Tensor a = tensor(new[] { actual });
        using Tensor e = tensor(new[] { expected });
        ParityComparison comparison = ParityComparer.Compare("x", a, e, atol, rtol);
        Assert.Equal(passes, comparison.Passed);
        Assert.Equal(Math.Abs((double)actual - expected), comparison.MaxAbsoluteError, 1e-9);
    }

    [Theory]
    [InlineData(float.NaN, 1f)]
    [InlineData(1f, float.NaN)]
    [InlineData(float.NaN, float.NaN)]
    [InlineData(float.PositiveInfinity, 1f)]
    [InlineData(1f, float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity, float.PositiveInfinity)]
    public void Compare_NonFinite_FailsAtAnyTolerance(float actual, float expected)
    {
        using Tensor a = tensor(new[] { 0f, actual });
        using Tensor e = tensor(new[] { 0f, expected });
        ParityComparison comparison = ParityComparer.Compare("x", a, e, 1e9, 1e9);
        Assert.False(comparison.Passed);
        Assert.Equal(double.PositiveInfinity, comparison.MaxAbsoluteError);
        Assert.Contains("1 of 2 elements differ; worst at [1]", comparison.Detail);
    }

    [Fact]
    public void Compare_EqualInfinities_Pass()
    {
        using Tensor a = tensor(new[] { float.NegativeInfinity, 1f });
        using Tensor e = tensor(new[] { float.NegativeInfinity, 1f });
        ParityComparison comparison = ParityComparer.Compare("x", a, e, 1e-3, 1e-3);
        Assert.True(comparison.Passed, comparison.Detail);
        Assert.Equal(0, comparison.MaxAbsoluteError);
    }

    [Fact]
    public void Compare_Failure_NamesTheWorstElementAndHowMany()
    {
        using Tensor e = zeros(2, 3, 4);
        using Tensor a = zeros(2, 3, 4);
        a[0, 1, 2] = 0.5f;
        a[1, 2, 3] = -2f;
        ParityComparison comparison = ParityComparer.Compare("x", a, e, 1e-4, 1e-4);
        Assert.Equal("2 of 24 elements differ; worst at [1, 2, 3]: expected 0, actual -2 (atol 0.0001, rtol 0.0001)", comparison.Detail);
        Assert.Equal(2, comparison.MaxAbsoluteError);
    }

    [Fact]
    public void Compare_OtherShape_Fails()
    {
        using Tensor e = zeros(2, 3);
        using Tensor a = zeros(3, 2);
        ParityComparison comparison = ParityComparer.Compare("x", a, e, 1, 1);
        Assert.False(comparison.Passed);
        Assert.Equal("the shape is (3, 2), expected (2, 3)", comparison.Detail);
    }

    [Fact]
    public void Compare_OtherDtypesAndNothing_Work()
    {
        using Tensor e = tensor(new byte[] { 0, 255 });
        using Tensor a = tensor(new[] { 0.4, 254.6 });
        Assert.True(ParityComparer.Compare("x", a, e, 0.5, 0).Passed);
        Assert.Equal(ScalarType.Float64, a.dtype);
        using Tensor none = zeros(0, 3);
        Assert.True(ParityComparer.Compare("x", none, none, 0, 0).Passed);
    }

    [Fact]
    public void CompareExact_Difference_NamesTheFirst()
    {
        Assert.True(ParityComparer.CompareExact("x", [1, 2], [1, 2]).Passed);
        Assert.Equal("2 values, expected 3", ParityComparer.CompareExact("x", [1, 2], [1, 2, 3]).Detail);
        ParityComparison comparison = ParityComparer.CompareExact("x", [1, 5, 9], [1, 2, 3]);
        Assert.Equal("2 of 3 values differ; first at [1]: expected 2, actual 5 (exact)", comparison.Detail);
        Assert.Equal(6, comparison.MaxAbsoluteError);
    }
}
