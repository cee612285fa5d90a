using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Tests.Faces;

public sealed class ScrfdDecoderTests
{
    [Theory]
    [InlineData(1080, 1920, 288, 512)]
    [InlineData(1920, 1080, 512, 288)]
    [InlineData(500, 500, 512, 512)]
    [InlineData(3000, 1001, 512, 170)]
    public void Letterbox_AnyFrame_IsTruncatedAsInTheOriginal(int width, int height, int newWidth, int newHeight)
    {
        (int w, int h, double scale) = ScrfdDecoder.Letterbox(width, height);

        Assert.Equal((newWidth, newHeight), (w, h));
        Assert.Equal((double)newHeight / height, scale);
    }

    [Theory]
    [InlineData(8, 0, 0, 0)]
    [InlineData(8, 131, 8, 8)]
    [InlineData(32, 35, 32, 32)]
    public void DecodeLevel_OneAnchor_LiesAtItsCellsCorner(int stride, int row, int x, int y)
    {
        int rows = ScrfdDecoder.RowsOf(stride);
        float[] scores = new float[rows],
            distances = new float[4 * rows];
        scores[row] = 0.75f;
        (distances[4 * row], distances[(4 * row) + 1], distances[(4 * row) + 2], distances[(4 * row) + 3]) = (1, 2, 3, 4);
        var found = new List<ScrfdDecoder.Candidate>();

        ScrfdDecoder.DecodeLevel(scores, distances, stride, 0.5, found);

        FaceBox box = Assert.Single(found).Box;
        Assert.Equal(new FaceBox((x - stride) * 2, (y - (2 * stride)) * 2, (x + (3 * stride)) * 2, (y + (4 * stride)) * 2), box);
    }

    [Fact]
    public void DecodeLevel_ScoreBelowHalfOrNotANumber_IsDropped()
    {
        int rows = ScrfdDecoder.RowsOf(32);
        float[] scores = new float[rows];
        (scores[0], scores[1], scores[2]) = (0.49999f, float.NaN, 0.5f);
        var found = new List<ScrfdDecoder.Candidate>();

        ScrfdDecoder.DecodeLevel(scores, new float[4 * rows], 32, 1, found);

        Assert.Equal(0.5f, Assert.Single(found).Score);
    }

    [Fact]
    public void Suppress_OverlapAtTheThreshold_CountsOnePixelMore()
    {
        // widths of 10 pixels "0..9": 7 of 10 columns shared = 7/13 = 0.54; 5 of 10 = 5/15 = 0.33
        var best = new ScrfdDecoder.Candidate(new(0, 0, 9, 9), 0.9f);
        var close = new ScrfdDecoder.Candidate(new(3, 0, 12, 9), 0.8f);
        var apart = new ScrfdDecoder.Candidate(new(5, 0, 14, 9), 0.7f);

        IReadOnlyList<ScrfdDecoder.Candidate> kept = ScrfdDecoder.Suppress([apart, close, best]);

        Assert.Equal([best, apart], kept);
    }
}
