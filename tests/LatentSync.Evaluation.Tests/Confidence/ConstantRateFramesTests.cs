using LatentSync.Evaluation.Confidence;
using LatentSync.Media.Video.Probing;

namespace LatentSync.Evaluation.Tests.Confidence;

public sealed class ConstantRateFramesTests
{
    [Theory]
    [InlineData(25, 1, new long[] { 0, 1, 2, 3, 4 })]
    [InlineData(50, 1, new long[] { 0, 2, 4, 6, 8 })]
    [InlineData(30, 1, new long[] { 0, 1, 2, 4, 5, 6, 7, 8, 10 })]
    [InlineData(25, 2, new long[] { 0, 1, 1, 2, 2, 3, 3 })]
    [InlineData(24000, 1001, new long[] { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 12 })]
    public void SourceIndex_AnyRate_IsTheNearestFrame(long numerator, long denominator, long[] expected) =>
        Assert.Equal(
            expected,
            Enumerable.Range(0, expected.Length).Select(i => ConstantRateFrames.SourceIndex(i, new Rational(numerator, denominator)))
        );
}
