using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Media.Faces;
using LatentSync.Media.Video;
using LatentSync.Platform.LibTorch;

namespace LatentSync.Doctor;

/// <summary>Joins the doctor with the layers it asks: the attention rules, ffmpeg and the face detectors.</summary>
public static class DoctorComposition
{
    // What the UNet asks most: spatial self-attention at 256 pixels, a chunk of 16 frames with guidance.
    private const int Batch = 32, Heads = 8, Tokens = 1024, HeadDim = 40;

    /// <summary>Options that ask every layer.</summary>
    /// <param name="libTorch">Which libtorch; null: the default one.</param>
    /// <param name="faceModelsFolder">Folder with face models; null: none.</param>
    /// <param name="cascadesFolder">Folder with Haar cascades; null: the system's.</param>
    public static DoctorOptions Options(LibTorchOptions? libTorch = null, string? faceModelsFolder = null, string? cascadesFolder = null) =>
        new()
        {
            LibTorch = libTorch,
            Backends = Backends,
            Ffmpeg = Ffmpeg,
            Detectors = () => Detectors(faceModelsFolder, cascadesFolder),
        };

    private static BackendStatus[] Backends(Machine machine)
    {
        bool cuda = machine.LibTorch?.Flavor is not (null or "cpu") && machine.Gpus.Any(gpu => gpu.ComputeCapability is not null);
        AttentionProblem problem = AttentionProblem.Of(Batch, Heads, Tokens, Tokens, HeadDim) with { Device = cuda ? AttentionDevice.Cuda(0) : AttentionDevice.Cpu };
        Plan plan = AttentionSelector.Select(problem, new SelectionContext { Machine = machine }, freeBytes: null);
        return
        [
            .. plan.Verdicts.Select(v => new BackendStatus(
                v.Backend,
                v.Runs,
                [.. v.Reasons.Select(r => new BackendReason(r.Code, r.Message, r.Found, r.Required, r.Remedy))]
            )),
        ];
    }

    private static FfmpegFinding? Ffmpeg()
    {
        FfmpegFacts facts = FfmpegTools.LocateAsync().GetAwaiter().GetResult().Describe();
        return new FfmpegFinding(facts.FfmpegPath, facts.FfprobePath, facts.Version, facts.Encoders);
    }

    private static DetectorFinding[] Detectors(string? faceModelsFolder, string? cascadesFolder)
    {
        FaceDetectorOptions options = new() { ModelFolders = faceModelsFolder is null ? [] : [faceModelsFolder], CascadesFolder = cascadesFolder };
        return [.. ((string[])["insightface", "yunet", "haar"]).Select(name => Detector(name, options))];
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
