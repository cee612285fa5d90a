namespace LatentSync.Tests.Run;

public sealed class SyncOptionsValidatorTests
{
    private static readonly SyncOptions Good = new()
    {
        VideoPath = "v.mp4",
        AudioPath = "a.wav",
        OutputPath = "o.mp4",
        CheckpointFolder = "c",
    };

    public static TheoryData<string, string, SyncOptions> Wrong { get; } =
        new()
        {
            { "InferenceSteps", "between 1 and 999, not 0", Good with { InferenceSteps = 0 } },
            { "InferenceSteps", "not 1000", Good with { InferenceSteps = 1000 } },
            { "GuidanceScale", "between 0 and 100, not -0.5", Good with { GuidanceScale = -0.5 } },
            { "GuidanceScale", "NaN", Good with { GuidanceScale = double.NaN } },
            { "GuidanceScale", "between 0 and 100", Good with { GuidanceScale = double.PositiveInfinity } },
            { "FramesPerChunk", "between 1 and 1000, not 1001", Good with { FramesPerChunk = 1001 } },
            { "FramesPerChunk", "not 0", Good with { FramesPerChunk = 0 } },
            { "Crf", "between 0 and 51, not 52", Good with { Crf = 52 } },
            { "Resolution", "between 64 and 2048, not 56", Good with { Resolution = 56 } },
            { "Resolution", "a multiple of 8, not 100", Good with { Resolution = 100 } },
            { "PreviewSeconds", "above 0, not 0", Good with { PreviewSeconds = 0 } },
            { "PreviewSeconds", "above 0, not NaN", Good with { PreviewSeconds = double.NaN } },
            { "FaceIndex", "at least 0, not -1", Good with { FaceIndex = -1 } },
            { "Seed", "at least -1, not -2", Good with { Seed = -2 } },
            { "DType", "auto, f32, f16, bf16, not 'float'", Good with { DType = "float" } },
            { "Detector", "landmarks, insightface, yunet, dlib, haar, not 'eyes'", Good with { Detector = "eyes" } },
            { "Extend", "pingpong, loop, hold, stop, not 'PingPong'", Good with { Extend = "PingPong" } },
            { "Silence", "generate, original, not ''", Good with { Silence = string.Empty } },
            { "MatteColour", "#rrggbb, not 'puce'", Good with { MatteColour = "puce" } },
            { "Scheduler", "ddim, dpm++, not 'euler'", Good with { Scheduler = "euler" } },
            { "OutputPath", "is a folder", Good with { OutputPath = Path.GetTempPath() } },
            { "VideoPath", "it is empty", Good with { VideoPath = " " } },
            { "AudioPath", "it is empty", Good with { AudioPath = string.Empty } },
            { "OutputPath", "it is empty", Good with { OutputPath = string.Empty } },
            { "CheckpointFolder", "name a folder; it is empty", Good with { CheckpointFolder = string.Empty } },
            { "CheckpointFolder", "name a folder; it is empty", Good with { CheckpointFolder = string.Empty, Identity = true } },
            { "UNetConfigurationPath", "it is empty", Good with { UNetConfigurationPath = string.Empty } },
            { "LandmarksPath", "it is empty", Good with { LandmarksPath = "\t" } },
            { "MaskPath", "it is empty", Good with { MaskPath = string.Empty } },
            { "FaceModelsFolder", "it is empty", Good with { FaceModelsFolder = string.Empty } },
            { "CascadesFolder", "it is empty", Good with { CascadesFolder = string.Empty } },
            { "LibTorchFolder", "it is empty", Good with { LibTorchFolder = " " } },
            { "Attention", "is empty", Good with { Attention = string.Empty } },
            { "Device", "not ''", Good with { Device = string.Empty } },
            { "VideoPath", "zero byte", Good with { VideoPath = "a\0b" } },
            { "OutputPath", "address on the network", Good with { OutputPath = "http://host/o.mp4" } },
            { "VideoPath", "download it first", Good with { VideoPath = "https://host/v.mp4" } },
            { "OutputPath", "the same file as LandmarksPath", Good with { LandmarksPath = "o.mp4" } },
            { "OutputPath", "the same file as MaskPath", Good with { MaskPath = "o.mp4" } },
            { "OutputPath", "the same file as UNetConfigurationPath", Good with { UNetConfigurationPath = "o.mp4" } },
            { "OutputPath", "the same file as VideoPath", Good with { OutputPath = "./v.mp4" } },
            { "OutputPath", "the same file as AudioPath", Good with { AudioPath = "a.mp4", OutputPath = "x/../a.mp4" } },
        };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void Check_OptionThatCannotBeUsed_NamesItAndWhatIsAllowed(string option, string says, SyncOptions options)
    {
        SyncOptionsException refusal = Assert.Throws<SyncOptionsException>(() => SyncOptionsValidator.Check(options));

        Assert.StartsWith(option, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(says, refusal.Message, StringComparison.Ordinal);
        Assert.Matches(@"[.?]\z", refusal.Message);
    }

    [Theory]
    [InlineData(1, 0.0, 64, -1L, 0)]
    [InlineData(999, 100.0, 2048, long.MaxValue, 51)]
    public void Check_ValuesAtTheirBounds_Pass(int steps, double guidance, int resolution, long seed, int crf) =>
        SyncOptionsValidator.Check(
            Good with
            {
                InferenceSteps = steps,
                GuidanceScale = guidance,
                Resolution = resolution,
                Seed = seed,
                Crf = crf,
                FaceIndex = 0,
                PreviewSeconds = 0.01,
            }
        );

    [Fact]
    public void Defaults_AreTheContracts()
    {
        SyncOptionsValidator.Check(Good);
        Assert.Equal(
            (20, 1.5, 1247L, "ddim", (int?)null),
            (Good.InferenceSteps, Good.GuidanceScale, Good.Seed, Good.Scheduler, Good.FramesPerChunk)
        );
        Assert.Equal(
            ("auto", "auto", "auto", "auto", "pingpong", "generate"),
            (Good.Attention, Good.Device, Good.DType, Good.Detector, Good.Extend, Good.Silence)
        );
        Assert.False(Good.DeepCache || Good.Resume || Good.Identity || Good.IsolatedAudioWindows);
    }
}
