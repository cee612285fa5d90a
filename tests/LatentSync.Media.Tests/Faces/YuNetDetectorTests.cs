using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Tests.Faces;

public sealed class YuNetDetectorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("yunet").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Detect_ConstantOutputs_MapsBoxAndPointsToTheFrame()
    {
        // the frame of 1280x1280 is searched at 640; cell (column 12, row 10) of stride 16
        const int stride = 16,
            cells = 640 / stride,
            cell = (10 * cells) + 12;
        float[] points = [-2, 0, 2, 0, 0, 2, -1.5f, 4, 1.5f, 4];
        string path = Write(640, stride, cell, 0.81f, [0.5f, 0.25f, MathF.Log(8), MathF.Log(10)], points);
        using var detector = new YuNetDetector(path);

        DetectedFace face = Assert.Single(detector.Detect(TestFrames.Plain(1280, 1280, 100, 110, 120)));

        // centre (12.5, 10.25) * 16 = (200, 164), size (128, 160); frame = 2 p + 0.5
        Assert.Equal((2 * 136) + 0.5, face.Box.Left, 0.02);
        Assert.Equal((2 * 84) + 0.5, face.Box.Top, 0.02);
        Assert.Equal(2 * 128, face.Box.Width, 0.02);
        Assert.Equal(0.81, face.Score, 0.01);
        Assert.True(face.PointsMeasured);
        // eyes at (160, 160) and (224, 160), nose (192, 192), mouth at y 224
        Assert.Equal((2 * 192) + 0.5, face.Points.Nose.X, 0.02);
        Assert.Equal((2 * 192) + 0.5, face.Points.Nose.Y, 0.02);
        Assert.Equal(2 * 64 * FaceProportions.BrowDistance, face.Points.RightBrow.X - face.Points.LeftBrow.X, 0.05);
        Assert.Equal((2 * (160 - (64 / FaceProportions.MouthDepth * FaceProportions.BrowHeight))) + 0.5, face.Points.LeftBrow.Y, 0.05);
    }

    [Fact]
    public void Detect_LowScore_FindsNothing()
    {
        using var detector = new YuNetDetector(Write(320, 32, 0, 0.3f, new float[4], new float[10]));

        Assert.Empty(detector.Detect(TestFrames.Plain(320, 320, 100, 110, 120)));
    }

    [Fact]
    public void Constructor_AnotherModel_NamesTheMissingOutputs()
    {
        string path = Path.Combine(_folder, "face_detection_yunet_other.onnx");
        new OnnxModelWriter(64, 64).Output("loc", [1, 14], new float[14]).Output("conf", [1, 2], new float[2]).Save(path);

        FaceException e = Assert.Throws<FaceException>(() => new YuNetDetector(path));

        Assert.Equal(FaceFault.Model, e.Fault);
        Assert.Contains("cls_8", e.Message, StringComparison.Ordinal);
        Assert.Contains("2023mar", e.Message, StringComparison.Ordinal);
    }

    private string Write(int side, int stride, int cell, float score, float[] box, float[] points)
    {
        var model = new OnnxModelWriter(side, side);
        foreach (int s in (int[])[8, 16, 32])
        {
            int rows = side / s * (side / s);
            float[] cls = new float[rows],
                obj = new float[rows],
                boxes = new float[4 * rows],
                keypoints = new float[10 * rows];
            if (s == stride)
            {
                (cls[cell], obj[cell]) = (score, score); // the detector takes the root of their product
                box.CopyTo(boxes, 4 * cell);
                points.CopyTo(keypoints, 10 * cell);
            }
            model
                .Output($"cls_{s}", [1, rows, 1], cls)
                .Output($"obj_{s}", [1, rows, 1], obj)
                .Output($"bbox_{s}", [1, rows, 4], boxes)
                .Output($"kps_{s}", [1, rows, 10], keypoints);
        }
        string path = Path.Combine(_folder, "face_detection_yunet_test.onnx");
        model.Save(path);
        return path;
    }
}
