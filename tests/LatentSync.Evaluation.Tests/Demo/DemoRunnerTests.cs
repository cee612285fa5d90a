using LatentSync.Evaluation.Demo;
using LatentSync.Evaluation.Quality;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Evaluation.Tests.Demo;

[Trait("Category", "Integration")]
public sealed class DemoRunnerTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("latentsync démo ").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private string Out => Path.Combine(_root, "out");

    private DemoOptions Options =>
        new()
        {
            OutputFolder = Out,
            DurationSeconds = 1,
            Size = 256,
            Seed = 4,
        };

    /// <summary>Where the picture does not matter.</summary>
    private DemoOptions Small => Options with { Size = 128 };

    [Fact]
    public async Task Run_WithAPipelineThatCopies_WritesEverything()
    {
        await RequireFfmpegAsync();
        SyncOptions? asked = null;
        DemoRunner demo = new(
            (options, progress, cancellation) =>
            {
                asked = options;
                Assert.True(File.Exists(Path.Combine(options.CheckpointFolder, "latentsync_unet.pt")));
                return FakeSync.CopyAsync(options, progress, cancellation);
            },
            embedded: null
        );
        DemoResult result = await demo.RunAsync(Options, cancellationToken: TestContext.Current.CancellationToken);

        Assert.NotNull(asked);
        Assert.Equal("landmarks", asked.Detector);
        Assert.False(result.Trained);
        string[] names = [.. Directory.GetFiles(Out).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];
        Assert.Equal(
            [
                "contact-sheet.png",
                "input.mp4",
                "landmarks.json",
                "latentsync-demo.json",
                "output.mp4",
                "reference.mp4",
                "report.html",
                "speech.wav",
            ],
            names
        );

        // The output is the input here: the input's own speech explains it, the new one does not.
        Assert.Equal(25, result.Curves.Implied.Count);
        Assert.Equal(result.Curves.Input, result.Curves.Output);
        double[] own = SyntheticClip
            .Generate(new SyntheticClipOptions { Seed = DemoSeeds.Of(4).Clip, DurationSeconds = 1.2 })
            .ImpliedOpenings();
        Assert.True(PearsonCorrelation.Of(result.Curves.Output, own) > 0.97, "the mouth in the encoded video must be the drawn one");
        Assert.True(Math.Abs(result.Quality.Correlation) < 0.9);
        Assert.Equal((SquaredErrorMeter.EqualDecibels, 1.0), (result.Quality.PsnrOutsideMask, Math.Round(result.Quality.SsimUpperFace, 9)));

        LandmarksFile landmarks = LandmarksFile.Load(Path.Combine(Out, "landmarks.json"));
        Assert.Equal(30, landmarks.FrameCount);
        Assert.Single(landmarks.FacesOf(7, 256, 256));
        byte[] wav = File.ReadAllBytes(result.SpeechPath);
        Assert.Equal(44 + 2 * 48000, wav.Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true, Traits = ["Category", "Slow"])]
    public async Task Run_WithAnEmbeddedCheckpoint_UsesItAndMakesNone(bool untrained)
    {
        await RequireFfmpegAsync();
        string embedded = Directory.CreateDirectory(Path.Combine(_root, "embedded")).FullName;
        File.WriteAllText(Path.Combine(embedded, "README.txt"), untrained ? "UNTRAINED" : "Trained on drawn faces.");
        string? used = null;
        DemoRunner demo = new(
            (options, progress, cancellation) =>
            {
                used = options.CheckpointFolder;
                return FakeSync.CopyAsync(options, progress, cancellation);
            },
            embedded
        );
        DemoResult result = await demo.RunAsync(Small, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal((embedded, embedded, !untrained), (used, result.CheckpointFolder, result.Trained));
        Assert.False(Directory.Exists(Path.Combine(Out, "checkpoint")));
        Assert.Equal(untrained, File.ReadAllText(result.ReportPath).Contains("untrained", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Run_Again_ReplacesItsOwnFilesOnly()
    {
        await RequireFfmpegAsync();
        DemoRunner demo = new(FakeSync.CopyAsync, embedded: null);
        await demo.RunAsync(Small, cancellationToken: TestContext.Current.CancellationToken);
        string stranger = Path.Combine(Out, "notes.txt");
        File.WriteAllText(stranger, "mine");
        byte[] first = File.ReadAllBytes(Path.Combine(Out, "speech.wav"));
        await demo.RunAsync(Small with { Seed = 5 }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("mine", File.ReadAllText(stranger));
        Assert.NotEqual(first, File.ReadAllBytes(Path.Combine(Out, "speech.wav")));

        // A file that was changed since is the user's: nothing is touched.
        string report = Path.Combine(Out, "report.html");
        File.AppendAllText(report, "<!-- my notes -->");
        byte[] kept = File.ReadAllBytes(Path.Combine(Out, "speech.wav"));
        var thrown = await Assert.ThrowsAsync<DemoFolderException>(() =>
            demo.RunAsync(Small with { Seed = 6 }, cancellationToken: TestContext.Current.CancellationToken)
        );
        Assert.Contains(report, thrown.Message, StringComparison.Ordinal);
        Assert.Equal(kept, File.ReadAllBytes(Path.Combine(Out, "speech.wav")));
    }

    [Fact]
    public async Task Run_Cancelled_LeavesNoDebris()
    {
        await RequireFfmpegAsync();
        using CancellationTokenSource cancellation = new();
        DemoRunner demo = new(FakeSync.CopyAsync, embedded: null);
        ImmediateProgress progress = new(p =>
        {
            if (p is { Stage: DemoStage.Draw, Done: 10 })
            {
                cancellation.Cancel();
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            demo.RunAsync(Small, progress, cancellationToken: cancellation.Token)
        );
        Assert.Equal(["latentsync-demo.json"], Directory.GetFiles(Out).Select(Path.GetFileName));
        await demo.RunAsync(Small, cancellationToken: TestContext.Current.CancellationToken); // the claim does not block the next run
    }

    [Fact]
    public async Task Run_PipelineFails_FailureComesThrough()
    {
        await RequireFfmpegAsync();
        DemoRunner demo = new((_, _, _) => throw new InvalidDataException("no"), embedded: null);
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            demo.RunAsync(Small, cancellationToken: TestContext.Current.CancellationToken)
        );
        Assert.DoesNotContain(Directory.GetFiles(Out), f => f.EndsWith(".part", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("input.mp4")]
    [InlineData("checkpoint/config.yaml")]
    public void Claim_FileOfTheUser_IsRefused(string name)
    {
        string path = Path.Combine(Out, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "mine");
        var thrown = Assert.Throws<DemoFolderException>(() => DemoFolder.Claim(Out, ["input.mp4", "checkpoint/config.yaml"]));
        Assert.Contains(name, thrown.Message.Replace('\\', '/'), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Out, DemoFolder.ListName)));
        Assert.Equal("mine", File.ReadAllText(path));
    }

    [Fact]
    public void Claim_DamagedList_ClaimsNothing()
    {
        Directory.CreateDirectory(Out);
        File.WriteAllText(Path.Combine(Out, "input.mp4"), "mine");
        File.WriteAllText(Path.Combine(Out, DemoFolder.ListName), "{\"format\": \"latentsync-demo\", \"files\": {\"input.mp4\": nu");
        Assert.Throws<DemoFolderException>(() => DemoFolder.Claim(Out, ["input.mp4"]));
    }

    [Fact]
    public void Claim_PathIsAFile_IsRefused()
    {
        File.WriteAllText(Out, "a file");
        Assert.Throws<DemoFolderException>(() => DemoFolder.Claim(Out, ["input.mp4"]));
    }

    [Theory]
    [InlineData(0.5, 512, 4)]
    [InlineData(61, 512, 4)]
    [InlineData(3, 127, 4)]
    [InlineData(3, 255, 4)]
    [InlineData(3, 512, 0)]
    public async Task Run_OptionOutOfRange_IsRefused(double seconds, int size, int steps) =>
        await Assert.ThrowsAsync<SyncOptionsException>(() =>
            new DemoRunner(FakeSync.CopyAsync, embedded: null).RunAsync(
                new DemoOptions
                {
                    OutputFolder = Out,
                    DurationSeconds = seconds,
                    Size = size,
                    InferenceSteps = steps,
                }
            )
        );

    private static async Task RequireFfmpegAsync()
    {
        try
        {
            await FfmpegTools.LocateAsync();
        }
        catch (FfmpegNotFoundException e)
        {
            Assert.Skip(e.Message);
        }
    }

    private sealed class ImmediateProgress(Action<DemoProgress> report) : IProgress<DemoProgress>
    {
        public void Report(DemoProgress value) => report(value);
    }
}
