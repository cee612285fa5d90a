using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Tests.Faces;

/// <summary>Detectors as this machine has them.</summary>
internal static class Detectors
{
    /// <summary>Skips the test, with the reason, where a file is missing.</summary>
    public static IFaceDetector Open(string name)
    {
        try
        {
            return FaceDetectorFactory.Create(name, new FaceDetectorOptions()).Detector;
        }
        catch (FaceException e) when (e.Fault == FaceFault.DetectorUnavailable)
        {
            Assert.Skip(e.Message);
            throw;
        }
    }

    /// <summary>The real model of points; skips the test where it is not installed.</summary>
    public static ShapeModel Model()
    {
        string? path = ShapeModelFile.Find(new FaceDetectorOptions(), []);
        Assert.SkipWhen(path is null, $"{ShapeModelFile.FileName} is not installed (Debian, Ubuntu: libdlib-data).");
        return ShapeModelFile.Read(path);
    }
}
