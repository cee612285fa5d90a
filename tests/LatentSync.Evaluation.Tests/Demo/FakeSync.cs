namespace LatentSync.Evaluation.Tests.Demo;

/// <summary>A pipeline that gives the input back.</summary>
internal static class FakeSync
{
    public static Task<SyncReport> CopyAsync(SyncOptions options, IProgress<SyncProgress> progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        File.Copy(options.VideoPath, options.OutputPath, overwrite: true);
        progress.Report(new SyncProgress(SyncStage.Write, 1, 1, "frames"));
        return Task.FromResult(Report(options.OutputPath));
    }

    public static SyncReport Report(string output) =>
        new()
        {
            OutputPath = output,
            Frames = 77,
            NetworkFrames = 77,
            FrameRate = 25,
            Width = 512,
            Height = 512,
            FaceResolution = 256,
            DurationSeconds = 3.08,
            FrameMapping = "Each of the 77 frames of the result is one frame of the video and one of the network.",
            Detector = "landmarks",
            FacesFound = 77,
            FacesInterpolated = 0,
            WithoutFace = [],
            Device = "cpu",
            DType = "f32",
            DTypeReason = "asked for",
            Seed = 1247,
            Attention =
            [
                new AttentionUse("unet.spatial-self", "torch-flash", 120),
                new AttentionUse("unet.audio-cross", "torch-flash", 120),
            ],
            SecondsPerStep = 0.5,
            StageSeconds = new Dictionary<string, double>
            {
                ["load"] = 0.8,
                ["audio"] = 0.4,
                ["faces"] = 2.5,
                ["denoise"] = 9.1,
                ["write"] = 0.6,
            },
            TotalSeconds = 12.5,
            PeakMemoryBytes = 3L << 29,
            Warnings = ["speech longer than expected"],
        };
}
