using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Faces;

public sealed class FaceWarperTests
{
    [Fact]
    public void Warp_IdentityMatrix_CopiesTheFrame()
    {
        VideoFrame frame = TestFrames.Waves(40, 30);

        FaceImage crop = FaceWarper.Warp(frame, AffineMatrix.Identity, 40, 30);

        Assert.Equal(frame.Rgb, crop.Rgb);
    }

    [Fact]
    public void Warp_PlainFrame_StaysPlainInsideAndIs127Outside()
    {
        VideoFrame frame = TestFrames.Plain(20, 20, 200, 100, 50);

        // crop pixel (x, y) is frame pixel (x/2 - 5.25, y/2 - 5.25)
        FaceImage crop = FaceWarper.Warp(frame, new AffineMatrix(2, 0, 10.5, 0, 2, 10.5), 60, 60);

        Assert.Equal([200, 100, 50], Pixel(crop, 25, 25));
        Assert.Equal([127, 127, 127], Pixel(crop, 2, 30));
        // frame x = -0.25: three quarters of the frame's first column, one quarter of grey, truncated
        Assert.Equal([181, 106, 69], Pixel(crop, 10, 30));
    }

    [Fact]
    public void Warp_HalfPixelShift_AveragesNeighbours()
    {
        var frame = new VideoFrame(2, 1, [10, 20, 30, 13, 40, 31], 0);

        FaceImage crop = FaceWarper.Warp(frame, AffineMatrix.Identity with { C = -0.5 }, 1, 1);

        Assert.Equal([11, 30, 30], crop.Rgb);
    }

    [Fact]
    public void ToSquare_SameSize_CopiesUnchanged()
    {
        FaceImage crop = FaceWarper.Warp(TestFrames.Waves(64, 64), AffineMatrix.Identity, 64, 64);

        Assert.Equal(crop.Rgb, FaceWarper.ToSquare(crop, 64).Rgb);
    }

    [Fact]
    public void Crop_DrawnFace_PutsEyesAndMouthWhereTheyBelong()
    {
        VideoFrame frame = TestFrames.Face(640, 480, 300, 200, 80);
        AlignmentPoints points = FaceProportions.FromEyes(new(260, 200), new(340, 200));
        var template = new FaceTemplate(256);

        AffineMatrix toSquare = new FaceAligner(template, smoothing: false).Align(points).Then(template.CropToSquare);

        FacePoint mouth = toSquare.Apply(new(300, 200 + (80 * FaceProportions.MouthDepth)));
        Assert.InRange(mouth.X, 126, 130);
        Assert.InRange(mouth.Y, 155, 167); // well inside the jaw of the mask, rows 128-242
        FacePoint eye = toSquare.Apply(new(260, 200));
        Assert.InRange(eye.Y, 62, 74);
        FaceImage square = FaceWarper.Crop(frame, new FaceAligner(template, smoothing: false).Align(points), template).Square;
        int lip = 3 * (((int)mouth.Y * 256) + (int)mouth.X);
        Assert.True(square.Rgb[lip] > square.Rgb[lip + 1] + 30, "the drawn mouth is red");
    }

    private static byte[] Pixel(FaceImage image, int x, int y) =>
        image.Rgb[(3 * ((y * image.Width) + x))..((3 * ((y * image.Width) + x)) + 3)];
}
