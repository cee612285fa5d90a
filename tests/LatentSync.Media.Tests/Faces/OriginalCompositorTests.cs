using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Compositing;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Masks;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Faces;

public sealed class OriginalCompositorTests
{
    private static readonly FaceTemplate Template = new(256);

    [Fact]
    public void Restore_TinyFace_DoesNotFail()
    {
        // a face of less than 20 pixels: e = 0, an empty window that OpenCV takes as 3x3
        VideoFrame frame = TestFrames.Waves(100, 100);
        AffineMatrix matrix = new FaceAligner(Template).Align(FaceProportions.FromEyes(new(48, 50), new(52, 50)));

        OriginalRestoration paste = OriginalCompositor.RestoreInSteps(frame, new float[3 * 256 * 256], matrix, Template);

        Assert.Equal(0, paste.EdgeWidth);
        Assert.InRange(paste.FaceArea, 30, 130);
        Assert.NotEqual(frame.Rgb, paste.Output.Rgb);
    }

    [Fact]
    public void Restore_CropItself_IsWorseThanPastingTheMaskedPartOnly()
    {
        VideoFrame frame = TestFrames.Waves(640, 480);
        AffineMatrix matrix = new FaceAligner(Template).Align(FaceProportions.FromEyes(new(280, 200), new(360, 205)));
        AlignedFace face = FaceWarper.Crop(frame, matrix, Template);
        float[] planes = new float[3 * 256 * 256];
        face.Square.CopyToPlanes(planes);
        var box = new FaceBox(220, 120, 420, 360);

        double original = TestFrames.Psnr(frame, OriginalCompositor.Restore(frame, planes, matrix, Template), box);
        double ours = TestFrames.Psnr(frame, new FaceCompositor(Template, FaceMask.Create(256)).Paste(frame, face, planes), box);

        Assert.True(original > 25 && ours > original + 3, $"original {original:F1} dB, ours {ours:F1} dB");
    }

    [Fact]
    public void Restore_WrongFaceSize_Throws() =>
        Assert.Throws<ArgumentException>(() =>
            OriginalCompositor.Restore(TestFrames.Waves(64, 64), new float[10], AffineMatrix.Identity, Template)
        );
}
