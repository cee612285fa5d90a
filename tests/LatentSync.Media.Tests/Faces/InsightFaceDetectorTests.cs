using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Faces;

public sealed class InsightFaceDetectorTests : IDisposable
{
    private static readonly int[] Strides = [8, 16, 32];
    private readonly string _folder = Directory.CreateTempSubdirectory("onnx é").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Detect_ConstantOutputs_DecodesBoxesAndMapsLandmarksBack()
    {
        // stride 16: cell (10, 20) of 32, second anchor; box 160..., in a 1024x1024 frame everything is twice as large
        WriteDetector((16, (((20 * 32) + 10) * 2) + 1, 0.8f, [2, 3, 4, 5]));
        WriteLandmarks(i => i is 74 or 77 or 83 or 86 ? (0.25f, -0.5f) : (i / 106f, 0));
        using var detector = new InsightFaceDetector(_folder);

        DetectedFace face = Assert.Single(detector.Detect(TestFrames.Plain(1024, 1024, 90, 90, 90)));

        Assert.Equal(new FaceBox(256, 544, 448, 800), face.Box);
        Assert.Equal(0.8, face.Score, 1e-6);
        Assert.True(face.PointsMeasured);
        // p = ((0.25 + 1) 96, (-0.5 + 1) 96) = (120, 48); scale 192 / (1.5 * 256) = 0.5; centre (352, 672)
        Assert.Equal(352 + ((120 - 96) / 0.5), face.Points.Nose.X, 1e-3);
        Assert.Equal(672 + ((48 - 96) / 0.5), face.Points.Nose.Y, 1e-3);
    }

    [Fact]
    public void Detect_Landmarks_UsesTheOriginalsIndices()
    {
        WriteDetector((32, 0, 0.9f, [-4, -4, 8, 8])); // box (128, 128)-(256, 256) of 512
        int[] left = [43, 48, 49, 51, 50],
            right = [101, 102, 103, 104, 105],
            nose = [74, 77, 83, 86];
        WriteLandmarks(i =>
            left.Contains(i) ? (-0.5f, -0.25f)
            : right.Contains(i) ? (0.5f, -0.25f)
            : nose.Contains(i) ? (0, 0.25f)
            : (9, 9)
        );
        using var detector = new InsightFaceDetector(_folder);

        AlignmentPoints points = Assert.Single(detector.Detect(TestFrames.Plain(512, 512, 1, 2, 3))).Points;

        Assert.Equal(192 - 48, points.LeftBrow.X, 1e-3);
        Assert.Equal(192 + 48, points.RightBrow.X, 1e-3);
        Assert.Equal(192 - 24, points.RightBrow.Y, 1e-3);
        Assert.Equal(192, points.Nose.X, 1e-3);
        Assert.Equal(192 + 24, points.Nose.Y, 1e-3);
    }

    [Fact]
    public void Detect_RoundLandmarks_RoundsTwiceAsTheOriginal()
    {
        WriteDetector((32, 0, 0.9f, [-4, -4, 8, 8]));
        WriteLandmarks(i =>
            i > 90 ? (0.5f, 0)
            : i < 60 ? (-0.5f, 0)
            : i % 2 == 0 ? (0.004f, 0.013f)
            : (0.02f, 0.02f)
        ); // x 192.384, 193.92; y 193.248, 193.92
        using var exact = new InsightFaceDetector(_folder);
        using var rounded = new InsightFaceDetector(_folder, roundLandmarks: true);
        VideoFrame frame = TestFrames.Plain(512, 512, 1, 2, 3);

        // nose: 74 and 86 even, 77 and 83 odd: rounded 192, 192, 194, 194 -> 193; y 193, 193, 194, 194 -> 193.5 -> 194 (half to even)
        Assert.Equal(new FacePoint(193, 194), Assert.Single(rounded.Detect(frame)).Points.Nose);
        Assert.Equal(193.152, Assert.Single(exact.Detect(frame)).Points.Nose.X, 1e-3);
    }

    [Fact]
    public void Detect_ColouredFrame_BothNetworksSeeBlueFirst()
    {
        // score 0.5 + mean of channel 0 of (pixel - 127.5) / 128; landmarks: x = mean of channel 0 / 100 - 1
        WriteDetector((32, 0, 0.5f, [-4, -4, 8, 8]), scoreSlope: 1);
        WriteLandmarks(i => (i == 77 ? -1.1f : -1, i / 106f), xSlope: 0.01f);
        using var detector = new InsightFaceDetector(_folder);

        Assert.Empty(detector.Detect(TestFrames.Plain(512, 512, 200, 100, 10)));
        DetectedFace face = Assert.Single(detector.Detect(TestFrames.Plain(512, 512, 10, 100, 200)));

        Assert.Equal(0.5 + (72.5 / 128), face.Score, 1e-4);
        // 2 * 96 - 96 = 96 to the right of the box's centre at 192, at scale 1; 77 is one of four
        Assert.Equal(192 + 96 - (0.1 * 96 / 4), face.Points.Nose.X, 0.05);
    }

    [Fact]
    public void Detect_WideFrame_LeavesTheRestOfTheInputBlack()
    {
        // 512x128 of 512x512 is white: mean of (v - 127.5)/128 is (0.25 * 127.5 - 0.75 * 127.5) / 128 = -0.498; score 1.1 - 0.498 = 0.602
        WriteDetector((32, 0, 1.1f, [-1, -1, 2, 2]), scoreSlope: 1);
        WriteLandmarks(i => (i / 106f, 0));
        using var detector = new InsightFaceDetector(_folder);

        DetectedFace face = Assert.Single(detector.Detect(TestFrames.Plain(1024, 256, 255, 255, 255)));

        Assert.Equal(1.1 - (0.5 * 127.5 / 128), face.Score, 1e-3);
    }

    [Fact]
    public void Constructor_MissingFile_NamesIt()
    {
        FaceException e = Assert.Throws<FaceException>(() => new InsightFaceDetector(_folder));

        Assert.Equal(FaceFault.Missing, e.Fault);
        Assert.Contains(InsightFaceDetector.DetectorFile, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_NoOnnxFile_IsAClearError()
    {
        File.WriteAllText(Path.Combine(_folder, InsightFaceDetector.DetectorFile), "<html>404</html>");

        Assert.Equal(FaceFault.Model, Assert.Throws<FaceException>(() => new InsightFaceDetector(_folder)).Fault);
    }

    [Fact]
    public void Constructor_SwappedModels_SaysWhatIsExpected()
    {
        WriteLandmarks(i => (0, 0), InsightFaceDetector.DetectorFile);

        FaceException e = Assert.Throws<FaceException>(() => new InsightFaceDetector(_folder));

        Assert.Contains("has 1 outputs", e.Message, StringComparison.Ordinal);
        Assert.Contains("9", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Describe_NamesProviderAndLicence()
    {
        WriteDetector((32, 0, 0.9f, [1, 1, 1, 1]));
        WriteLandmarks(i => (0, 0));
        using var detector = new InsightFaceDetector(_folder);

        Assert.Contains("ExecutionProvider", detector.Describe(), StringComparison.Ordinal);
        Assert.Contains("non-commercial", detector.Describe(), StringComparison.Ordinal);
    }

    private void WriteDetector((int Stride, int Row, float Score, float[] Distances) anchor, float scoreSlope = 0)
    {
        var model = new OnnxModelWriter(512, 512);
        foreach (int stride in Strides)
        {
            float[] scores = new float[Rows(stride)],
                slopes = new float[3 * Rows(stride)];
            if (stride == anchor.Stride)
            {
                (scores[anchor.Row], slopes[anchor.Row]) = (anchor.Score, scoreSlope);
            }
            model.Output($"score_{stride}", [Rows(stride), 1], scores, slopes);
        }
        foreach (int stride in Strides)
        {
            float[] boxes = new float[4 * Rows(stride)];
            if (stride == anchor.Stride)
            {
                anchor.Distances.CopyTo(boxes, 4 * anchor.Row);
            }
            model.Output($"box_{stride}", [Rows(stride), 4], boxes);
        }
        foreach (int stride in Strides)
        {
            model.Output($"points_{stride}", [Rows(stride), 10], new float[10 * Rows(stride)]);
        }
        model.Save(Path.Combine(_folder, InsightFaceDetector.DetectorFile));

        static int Rows(int stride) => 2 * (512 / stride) * (512 / stride);
    }

    private void WriteLandmarks(Func<int, (float X, float Y)> point, string file = InsightFaceDetector.LandmarkFile, float xSlope = 0)
    {
        float[] values = new float[212],
            slopes = new float[3 * 212];
        for (int i = 0; i < 106; i++)
        {
            (values[2 * i], values[(2 * i) + 1]) = point(i);
            slopes[2 * i] = xSlope;
        }
        new OnnxModelWriter(192, 192).Output("fc1", [1, 212], values, slopes).Save(Path.Combine(_folder, file));
    }
}
