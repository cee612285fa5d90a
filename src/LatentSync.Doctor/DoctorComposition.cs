using LatentSync.Doctor.Estimates;
using LatentSync.Doctor.Layers;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Tools;
using LatentSync.Platform.LibTorch;

namespace LatentSync.Doctor;

/// <summary>Joins the doctor with the layers it asks: the attention rules, ffmpeg and the face detectors.</summary>
public static class DoctorComposition
{
    /// <summary>Options that ask every layer.</summary>
    /// <param name="libTorch">Which libtorch; null: the default one.</param>
    /// <param name="faceModelsFolder">Folder with face models; null: none.</param>
    /// <param name="cascadesFolder">Folder with Haar cascades; null: the system's.</param>
    public static DoctorOptions Options(LibTorchOptions? libTorch = null, string? faceModelsFolder = null, string? cascadesFolder = null) =>
        new()
        {
            LibTorch = libTorch,
            Survey = LayerSurveyor.Survey,
            MeasureSpeed = SpeedProbe.Measure,
            Ffmpeg = Ffmpeg,
            Detectors = () => Detectors(faceModelsFolder, cascadesFolder),
        };

    private static FfmpegFinding? Ffmpeg()
    {
        FfmpegFacts facts = FfmpegTools.LocateAsync().GetAwaiter().GetResult().Describe();
        return new FfmpegFinding(facts.FfmpegPath, facts.FfprobePath, facts.Version, facts.Encoders);
    }

    private static DetectorFinding[] Detectors(string? faceModelsFolder, string? cascadesFolder)
    {
        FaceDetectorOptions options = new()
        {
            ModelFolders = faceModelsFolder is null ? [] : [faceModelsFolder],
            CascadesFolder = cascadesFolder,
        };
        return [.. ((string[])["insightface", "yunet", "dlib", "haar"]).Select(name => Detector(name, options))];
    }

    private static DetectorFinding Detector(string name, FaceDetectorOptions options)
    {
        try
        {
            using IFaceDetector detector = FaceDetectorFactory.Create(name, options).Detector;
            return new DetectorFinding(name, true, detector.Describe());
        }
        catch (FaceException exception)
        {
            return new DetectorFinding(name, false, exception.Message, "see docs/faces.md for where each detector's files come from");
        }
    }
}
