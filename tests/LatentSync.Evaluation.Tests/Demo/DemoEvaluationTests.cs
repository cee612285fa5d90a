using LatentSync.Evaluation.Demo;
using LatentSync.Testing;

namespace LatentSync.Evaluation.Tests.Demo;

/// <summary>The evaluation around pipelines of which the quality is known.</summary>
[Trait("Category", "Integration")]
public sealed class DemoEvaluationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private DemoEvaluationOptions Options =>
        new()
        {
            ClipCount = 2,
            DurationSeconds = 2,
            Size = 256,
            CheckpointFolder = _folder.Path,
        };

    [Fact]
    public async Task Run_PipelineThatDrawsTheTruth_IsPerfect()
    {
        RequireFfmpeg();
        List<string> folders = [];
        List<EvaluationProgress> progress = [];
        DemoEvaluation evaluation = new(
            (options, sync, cancellation) =>
            {
                folders.Add(Path.GetDirectoryName(options.VideoPath)!);
                sync.Report(new SyncProgress(SyncStage.Write, 50, 50, "frames"));
                return Copy(options, "reference.mp4");
            }
        );
        DemoEvaluationResult result = await evaluation.RunAsync(
            Options,
            new ImmediateProgress(progress),
            TestContext.Current.CancellationToken
        );

        Assert.True(result.Summary.Correlation > 0.95, $"{result.Summary.Correlation}");
        Assert.Equal(1, result.Summary.OffsetZeroFraction);
        Assert.Equal(1, result.Summary.FlickerRatio, 1e-6);
        Assert.True(result.Summary.PsnrOutsideMask > 40, $"{result.Summary.PsnrOutsideMask}");
        Assert.True(result.Summary.SsimUpperFace > 0.98, $"{result.Summary.SsimUpperFace}");
        Assert.True(Math.Max(result.Summary.CorrelationInput, result.Summary.CorrelationUnrelated) < 0.8);
        Assert.Equal(2, result.Clips.Select(c => c.Seed).Distinct().Count());
        Assert.Equal([new EvaluationProgress(1, 50, 100), new EvaluationProgress(2, 100, 100)], progress);
        Assert.Equal(2, folders.Distinct().Count());
        Assert.All(folders, folder => Assert.False(Directory.Exists(folder), "temporary folders must go"));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_PipelineThatCopies_FollowsItsOldSpeech()
    {
        RequireFfmpeg();
        string keep = _folder.File("keep");
        DemoEvaluation evaluation = new((options, _, _) => Copy(options, "input.mp4"));
        DemoEvaluationResult result = await evaluation.RunAsync(
            Options with
            {
                ClipCount = 1,
                KeepFolder = keep,
            },
            cancellationToken: TestContext.Current.CancellationToken
        );

        Assert.Equal(result.Summary.CorrelationInput, result.Summary.Correlation);
        Assert.Equal(100, result.Summary.PsnrOutsideMask, 1e-6);
        Assert.Equal(1, result.Summary.SsimUpperFace, 1e-9);
        Assert.Equal(Path.Combine(keep, "clip-01"), result.Clips[0].Folder);
        Assert.True(File.Exists(Path.Combine(keep, "clip-01", "report.html")));
    }

    [Fact]
    public async Task Run_PipelineFails_TemporaryFoldersGo()
    {
        RequireFfmpeg();
        string? folder = null;
        DemoEvaluation evaluation = new(
            (options, _, _) =>
            {
                folder = Path.GetDirectoryName(options.VideoPath);
                throw new InvalidDataException("no");
            }
        );
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            evaluation.RunAsync(Options with { Size = 128, ClipCount = 1 }, cancellationToken: TestContext.Current.CancellationToken)
        );
        Assert.False(Directory.Exists(folder!));
    }

    [Theory]
    [InlineData(0, 2, 1)]
    [InlineData(1001, 2, 1)]
    [InlineData(1, 2, -1)]
    [InlineData(1, 0.5, 1)]
    public async Task Run_OptionOutOfRange_IsRefused(int clips, double seconds, long seed) =>
        await Assert.ThrowsAsync<SyncOptionsException>(() =>
            new DemoEvaluation((options, _, _) => Copy(options, "input.mp4")).RunAsync(
                Options with
                {
                    ClipCount = clips,
                    DurationSeconds = seconds,
                    Seed = seed,
                }
            )
        );

    [Fact]
    public void SeedOf_EveryClip_IsNeverATrainingSeed()
    {
        long[] seeds = [.. Enumerable.Range(0, 50).SelectMany(s => Enumerable.Range(0, 20).Select(i => DemoEvaluation.SeedOf(s, i)))];
        Assert.Equal(seeds.Length, seeds.Distinct().Count());
        Assert.All(seeds.Concat(seeds.Select(s => DemoSeeds.Of(s).Clip)), seed => Assert.InRange(seed, 1L << 40, (1L << 62) - 1));
    }

    private static Task<SyncReport> Copy(SyncOptions options, string name)
    {
        File.Copy(Path.Combine(Path.GetDirectoryName(options.VideoPath)!, name), options.OutputPath);
        return Task.FromResult(
            new SyncReport
            {
                OutputPath = options.OutputPath,
                Frames = 50,
                NetworkFrames = 50,
                FrameRate = 25,
                Width = 256,
                Height = 256,
                FaceResolution = 64,
                DurationSeconds = 2,
                FrameMapping = "",
                Detector = "landmarks",
                FacesFound = 50,
                FacesInterpolated = 0,
                WithoutFace = [],
                Device = "cpu",
                DType = "f32",
                DTypeReason = "asked for",
                Seed = options.Seed,
                Attention = [],
                StageSeconds = new Dictionary<string, double>(),
                SecondsPerStep = null,
                TotalSeconds = 1,
                PeakMemoryBytes = 1,
                Warnings = [],
            }
        );
    }

    private static void RequireFfmpeg() => Assert.SkipWhen(ProgramRun.Find("ffmpeg") is null, "ffmpeg is not in PATH here.");

    private sealed class ImmediateProgress(List<EvaluationProgress> seen) : IProgress<EvaluationProgress>
    {
        public void Report(EvaluationProgress value) => seen.Add(value);
    }
}
