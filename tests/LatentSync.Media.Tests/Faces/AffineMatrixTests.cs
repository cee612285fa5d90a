using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Tests.Faces;

public sealed class AffineMatrixTests
{
    private static readonly AffineMatrix Map = new(0.8, -0.3, 17, 0.25, 0.9, -40);

    [Fact]
    public void Invert_ThenApply_GivesThePointBack()
    {
        FacePoint p = Map.Invert().Apply(Map.Apply(new(123.4, -56.7)));

        Assert.Equal(123.4, p.X, 1e-10);
        Assert.Equal(-56.7, p.Y, 1e-10);
    }

    [Fact]
    public void Then_AppliesInOrder()
    {
        AffineMatrix resize = AffineMatrix.Resize(2, 3);

        FacePoint expected = resize.Apply(Map.Apply(new(5, 6)));

        Assert.True((expected - Map.Then(resize).Apply(new(5, 6))).Length < 1e-10);
    }

    [Fact]
    public void Resize_KeepsTheOuterEdges()
    {
        // the edge of pixel 0 lies at -0.5 in both pictures, the far edge at n - 0.5
        Assert.Equal(new FacePoint(-0.5, -0.5), AffineMatrix.Resize(256.0 / 210, 256.0 / 280).Apply(new(-0.5, -0.5)));
        Assert.Equal(255.5, AffineMatrix.Resize(256.0 / 210, 256.0 / 280).Apply(new(209.5, 279.5)).X, 1e-9);
    }

    [Fact]
    public void Invert_Singular_Throws() => Assert.Throws<InvalidOperationException>(() => new AffineMatrix(1, 2, 0, 2, 4, 0).Invert());
}
