using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Tests.Faces;

public sealed class FaceTemplateTests
{
    [Theory]
    [InlineData(256, 210, 280)]
    [InlineData(512, 420, 560)]
    [InlineData(384, 314, 419)]
    [InlineData(768, 629, 839)]
    public void CropSize_OfResolution_IsTruncatedAsInTheOriginal(int resolution, int width, int height)
    {
        var template = new FaceTemplate(resolution);

        Assert.Equal((width, height), (template.CropWidth, template.CropHeight));
    }

    [Fact]
    public void Points_InTheSquareAt256_AreTheDocumentedOnes()
    {
        var template = new FaceTemplate(256);

        AlignmentPoints p = template.Points.Transform(template.CropToSquare);

        Assert.Equal(58.14, p.LeftBrow.X, 0.01);
        Assert.Equal(198.08, p.RightBrow.X, 0.01);
        Assert.Equal(51.16, p.LeftBrow.Y, 0.01);
        Assert.Equal(128.11, p.Nose.X, 0.01);
        Assert.Equal(102.36, p.Nose.Y, 0.01);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(56)]
    [InlineData(257)]
    [InlineData(4096)]
    public void Constructor_UnusableResolution_SaysWhatIsAllowed(int resolution)
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => new FaceTemplate(resolution));
        Assert.Contains("multiple of 8 from 64 to 2048", e.Message, StringComparison.Ordinal);
    }
}
