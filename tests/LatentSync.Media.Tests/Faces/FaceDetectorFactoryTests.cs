using LatentSync.Foundation.Faults;
using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Tests.Faces;

public sealed class FaceDetectorFactoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("models").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Create_AutoWithLandmarks_TakesThem()
    {
        string path = Path.Combine(_folder, "l.json");
        File.WriteAllText(path, """{"version": 1, "frames": []}""");

        FaceDetectorChoice choice = FaceDetectorFactory.Create(
            "auto",
            new FaceDetectorOptions { LandmarksPath = path, CascadesFolder = _folder }
        );

        using IFaceDetector detector = choice.Detector;
        Assert.Equal("landmarks", detector.Name);
        Assert.Empty(choice.Reasons);
    }

    [Fact]
    public void Create_AutoWithHaarOnly_SaysWhyNotTheOthers()
    {
        Assert.SkipWhen(HaarCascades.Find(null) is null, HaarCascades.Absence(null).ToString());

        FaceDetectorChoice choice = FaceDetectorFactory.Create(
            "auto",
            new FaceDetectorOptions { ModelFolders = [_folder], UsualPointFolders = false }
        );

        using IFaceDetector detector = choice.Detector;
        Assert.Equal("haar", detector.Name);
        Assert.Equal(["landmarks", "insightface", "yunet", "dlib"], choice.Reasons.Select(reason => reason.Split(':')[0]));
        Assert.Contains(_folder, choice.Reasons[1], StringComparison.Ordinal);
        Assert.Contains("libdlib-data", choice.Description, StringComparison.Ordinal);
        Assert.Contains("commercial", choice.Reasons[3], StringComparison.Ordinal);
        Assert.DoesNotContain("no landmarks file", choice.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_AutoWithYuNetModel_TakesIt()
    {
        string sub = Directory.CreateDirectory(Path.Combine(_folder, "auxiliary", "models", "buffalo_l")).FullName;
        var model = new OnnxModelWriter(32, 32);
        foreach (int stride in (int[])[8, 16, 32])
        {
            int rows = 32 / stride * (32 / stride);
            model
                .Output($"cls_{stride}", [1, rows, 1], new float[rows])
                .Output($"obj_{stride}", [1, rows, 1], new float[rows])
                .Output($"bbox_{stride}", [1, rows, 4], new float[4 * rows])
                .Output($"kps_{stride}", [1, rows, 10], new float[10 * rows]);
        }
        model.Save(Path.Combine(sub, "face_detection_yunet_2023mar.onnx"));

        using IFaceDetector detector = FaceDetectorFactory.Create("auto", new FaceDetectorOptions { ModelFolders = [_folder] }).Detector;

        Assert.Equal("yunet", detector.Name);
    }

    [Fact]
    public void Create_AutoWithNothing_ListsAllRemedies()
    {
        FaceException e = Assert.Throws<FaceException>(() =>
            FaceDetectorFactory.Create(
                "auto",
                new FaceDetectorOptions
                {
                    CascadesFolder = _folder,
                    ModelFolders = [_folder],
                    UsualPointFolders = false,
                }
            )
        );

        Assert.Equal(FaceFault.NoDetector, e.Fault);
        Assert.Equal(5, e.Reasons.Count);
        Assert.NotEqual(FaultKind.Input, e.Kind);
    }

    [Fact]
    public void Create_ByNameWithoutItsFiles_SaysWhichAreMissing()
    {
        FaceException e = Assert.Throws<FaceException>(() => FaceDetectorFactory.Create("insightface", new FaceDetectorOptions()));

        Assert.Equal(FaceFault.DetectorUnavailable, e.Fault);
        Assert.Contains("det_10g.onnx", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_UnknownName_ListsTheNames()
    {
        FaceException e = Assert.Throws<FaceException>(() => FaceDetectorFactory.Create("hog", new FaceDetectorOptions()));

        Assert.Equal(FaceFault.UnknownDetector, e.Fault);
        Assert.Contains("auto, landmarks, insightface, yunet, dlib, haar", e.Message, StringComparison.Ordinal);
        Assert.Equal(FaultKind.Input, e.Kind);
    }

    [Fact]
    public void Create_AutoWithDamagedModel_DoesNotFallBackInSilence()
    {
        File.WriteAllText(Path.Combine(_folder, "face_detection_yunet_2023mar.onnx"), "damaged");

        Assert.Equal(
            FaceFault.Model,
            Assert
                .Throws<FaceException>(() => FaceDetectorFactory.Create("auto", new FaceDetectorOptions { ModelFolders = [_folder] }))
                .Fault
        );
    }
}
