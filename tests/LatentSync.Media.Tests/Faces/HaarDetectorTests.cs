using LatentSync.Foundation.Faults;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Faces;

[Trait("Category", "Integration")]
public sealed class HaarDetectorTests
{
    [Fact]
    public void Detect_DrawnFace_FindsItsEyes()
    {
        using HaarDetector detector = Open();

        DetectedFace face = Assert.Single(detector.Detect(TestFrames.Face(640, 480, 300, 200, 80)));

        AlignmentPoints expected = FaceProportions.FromEyes(new(260, 200), new(340, 200));
        Assert.True((face.Points.Centre - expected.Centre).Length < 10, $"{face.Points}");
        Assert.InRange(face.Points.Radius / expected.Radius, 0.85, 1.15);
    }

    [Fact]
    public void Detect_MovingFace_FollowsItClosely()
    {
        using HaarDetector detector = Open();
        double worst = 0;
        FacePoint? offset = null;
        for (int i = 0; i < 40; i++)
        {
            double x = 300 + (30 * Math.Sin(i * 0.2)),
                y = 200 + (10 * Math.Cos(i * 0.3));
            IReadOnlyList<DetectedFace> faces = detector.Detect(TestFrames.Face(640, 480, x, y, 80, i));
            FacePoint error = Assert.Single(faces).Points.Centre - FaceProportions.FromEyes(new(x - 40, y), new(x + 40, y)).Centre;
            if (i >= 10)
            {
                // the offset may differ from zero, but must not change while the face moves
                worst = Math.Max(worst, (error - (offset ??= error)).Length);
            }
        }
        Assert.True(worst < 3, $"{worst:F2} px");
    }

    [Fact]
    public void Detect_StillFace_DoesNotTremble()
    {
        using HaarDetector detector = Open();
        VideoFrame frame = TestFrames.Face(640, 480, 300, 200, 80);
        var centres = new List<FacePoint>();
        for (int i = 0; i < 20; i++)
        {
            centres.Add(Assert.Single(detector.Detect(frame)).Points.Centre);
        }
        double largest = centres.Zip(centres.Skip(1)).Skip(2).Max(pair => (pair.First - pair.Second).Length);
        Assert.True(largest < 0.5, $"{largest:F3} px");
    }

    [Fact]
    public void Detect_CutToAnotherPlace_FindsTheFaceInTheSameFrame()
    {
        using HaarDetector detector = Open();
        for (int i = 0; i < 3; i++)
        {
            _ = detector.Detect(TestFrames.Face(640, 480, 200, 150, 60, i));
        }

        DetectedFace face = Assert.Single(detector.Detect(TestFrames.Face(640, 480, 450, 240, 80, 3)));

        Assert.True((face.Points.Centre - FaceProportions.FromEyes(new(410, 240), new(490, 240)).Centre).Length < 10, $"{face.Points}");
    }

    [Fact]
    public void Detect_NoFace_FindsNothing()
    {
        using HaarDetector detector = Open();

        Assert.Empty(detector.Detect(TestFrames.Plain(640, 480, 120, 130, 140)));
        Assert.Empty(detector.Detect(TestFrames.Waves(640, 480)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 2000)]
    [InlineData(30, 30)]
    public void Detect_OddFrameSizes_FindsNothingAndDoesNotFail(int width, int height)
    {
        using HaarDetector detector = Open();

        Assert.Empty(detector.Detect(TestFrames.Plain(width, height, 120, 130, 140)));
    }

    [Fact]
    public void Detect_FrameSizeChanges_StartsAgain()
    {
        using HaarDetector detector = Open();
        _ = detector.Detect(TestFrames.Face(640, 480, 300, 200, 80));

        Assert.Single(detector.Detect(TestFrames.Face(480, 640, 200, 250, 70)));
    }

    [Fact]
    public void Constructor_FolderWithoutCascades_SaysWhatToDo()
    {
        string folder = Directory.CreateTempSubdirectory("nothing").FullName;

        FaceException e = Assert.Throws<FaceException>(() => new HaarDetector(folder));

        Assert.Equal(FaceFault.DetectorUnavailable, e.Fault);
        Assert.NotEqual(FaultKind.Input, e.Kind);
        Assert.Contains(HaarCascades.FaceFile, e.Message, StringComparison.Ordinal);
        Directory.Delete(folder);
    }

    [Fact]
    public void Absence_OfTheSystemsCascades_NamesThePackage() =>
        Assert.Contains("apt-get install opencv-data", HaarCascades.Absence(null).ToString(), StringComparison.Ordinal);

    [Fact]
    public void Constructor_DamagedCascade_IsAClearError()
    {
        string folder = Directory.CreateTempSubdirectory("broken").FullName;
        File.WriteAllText(Path.Combine(folder, HaarCascades.FaceFile), "<?xml version=\"1.0\"?><opencv_storage></opencv_storage>");
        File.WriteAllText(Path.Combine(folder, HaarCascades.EyeFile), "nonsense");

        Assert.Equal(FaceFault.Cascade, Assert.Throws<FaceException>(() => new HaarDetector(folder)).Fault);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Pair_EyesAmongOtherThings_AreChosenByGeometry()
    {
        var box = new FaceBox(0, 0, 200, 200);
        FacePoint[] found = [new(62, 77), new(140, 79), new(100, 120), new(62, 30)];

        HaarEyes? eyes = HaarEyes.Pair(found, box);

        Assert.Equal(new HaarEyes(found[0], found[1]), eyes);
        Assert.Null(HaarEyes.Pair(found.AsSpan(2), box));
    }

    private static HaarDetector Open()
    {
        Assert.SkipWhen(HaarCascades.Find(null) is null, HaarCascades.Absence(null).ToString());
        return new HaarDetector();
    }
}
