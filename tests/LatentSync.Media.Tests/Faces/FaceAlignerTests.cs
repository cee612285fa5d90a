using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Tests.Faces;

public sealed class FaceAlignerTests
{
    private static readonly FaceTemplate Template = new(256);

    [Theory]
    [InlineData(1.0, 0.0)]
    [InlineData(0.37, 0.6)]
    [InlineData(2.5, -2.9)]
    public void Align_TemplateMovedBySimilarity_FindsItsInverse(double scale, double angle)
    {
        var moved = new AffineMatrix(
            scale * Math.Cos(angle),
            -scale * Math.Sin(angle),
            321,
            scale * Math.Sin(angle),
            scale * Math.Cos(angle),
            -77
        );

        AffineMatrix found = new FaceAligner(Template, smoothing: false).Align(Template.Points.Transform(moved));

        AffineMatrix round = moved.Then(found);
        AssertClose(AffineMatrix.Identity, round, 1e-9);
    }

    [Fact]
    public void Align_MirroredPoints_NeverReflects()
    {
        AlignmentPoints p = Template.Points;

        AffineMatrix found = new FaceAligner(Template, smoothing: false).Align(new(p.RightBrow, p.LeftBrow, p.Nose));

        Assert.True(found.Determinant > 0);
    }

    [Fact]
    public void Align_AnyPoints_MatchCentreAndSize()
    {
        var points = new AlignmentPoints(new(100.25, 80.5), new(170, 91), new(128, 150));

        AlignmentPoints placed = points.Transform(new FaceAligner(Template, smoothing: false).Align(points));

        Assert.Equal(Template.Points.Centre.X, placed.Centre.X, 1e-9);
        Assert.Equal(Template.Points.Centre.Y, placed.Centre.Y, 1e-9);
        Assert.Equal(Template.Points.Radius, placed.Radius, 1e-9);
    }

    [Fact]
    public void Bias_OverThreeFrames_IsTheOriginalsRecursion()
    {
        var aligner = new FaceAligner(Template);
        AlignmentPoints[] frames = [Points(150), Points(155), Points(140)];
        var expected = default(FacePoint);
        for (int i = 0; i < frames.Length; i++)
        {
            AffineMatrix plain = new FaceAligner(Template, smoothing: false).Align(frames[i]);
            var fresh = new FaceAligner(Template);
            _ = fresh.Align(frames[i]);
            expected = i == 0 ? fresh.Bias!.Value : (expected * 0.2) + (fresh.Bias!.Value * 0.8);

            AffineMatrix biased = aligner.Align(frames[i]);

            Assert.Equal(expected, aligner.Bias);
            Assert.Equal(plain.C + expected.X, biased.C, 1e-9);
            Assert.Equal(plain.F + expected.Y, biased.F, 1e-9);
        }

        aligner.Reset();
        Assert.Null(aligner.Bias);

        static AlignmentPoints Points(double noseY) => new(new(100, 80), new(170, 91), new(128, noseY));
    }

    [Fact]
    public void Align_SubPixelMove_MovesTheCropByAsMuch()
    {
        var points = new AlignmentPoints(new(100, 80), new(170, 80), new(135, 140));
        var aligner = new FaceAligner(Template, smoothing: false);
        AffineMatrix before = aligner.Align(points);

        AffineMatrix after = aligner.Align(points.Transform(AffineMatrix.Identity with { C = 0.25 }));

        Assert.Equal(0.25 * before.ScaleX, before.C - after.C, 1e-9);
    }

    [Fact]
    public void Align_CoincidingPoints_Throws() =>
        Assert.Throws<ArgumentException>(() => new FaceAligner(Template).Align(new(new(5, 5), new(5, 5), new(5, 5))));

    internal static void AssertClose(AffineMatrix expected, AffineMatrix actual, double tolerance)
    {
        Assert.Equal(expected.A, actual.A, tolerance);
        Assert.Equal(expected.B, actual.B, tolerance);
        Assert.Equal(expected.C, actual.C, 1000 * tolerance);
        Assert.Equal(expected.D, actual.D, tolerance);
        Assert.Equal(expected.E, actual.E, tolerance);
        Assert.Equal(expected.F, actual.F, 1000 * tolerance);
    }
}
