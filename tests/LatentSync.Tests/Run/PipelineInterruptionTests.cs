using LatentSync.Media;
using LatentSync.Testing;

namespace LatentSync.Tests.Run;

/// <summary>Runs that do not reach their end, and runs that go on after them.</summary>
[Collection(PipelineRuns.Name)]
[Trait("Category", "Integration")]
public sealed class PipelineInterruptionTests(PipelineFixture fixture) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Out => _folder.File("out.mp4");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(SyncStage.Audio, 1)]
    [InlineData(SyncStage.Faces, 20)]
    [InlineData(SyncStage.Denoise, 0)]
    [InlineData(SyncStage.Write, 20)]
    public Task Run_MoreCancelled_LeavesTheOldOutputAndNoFileOfItsOwn(SyncStage stage, long done) =>
        Run_Cancelled_LeavesTheOldOutputAndNoFileOfItsOwn(stage, done);

    [Theory]
    [InlineData(SyncStage.Load, 1, Traits = ["Category", "Slow"])]
    [InlineData(SyncStage.Faces, 1)]
    [InlineData(SyncStage.Denoise, 1, Traits = ["Category", "Slow"])]
    [InlineData(SyncStage.Denoise, 3)]
    [InlineData(SyncStage.Write, 1)]
    public async Task Run_Cancelled_LeavesTheOldOutputAndNoFileOfItsOwn(SyncStage stage, long done)
    {
        await Clips.RequireToolsAsync();
        File.WriteAllText(Out, "precious");
        using CancellationTokenSource cancellation = new();
        bool reached = false;
        ImmediateSyncProgress progress = new(p =>
        {
            if (p.Stage == stage && p.Done >= done)
            {
                reached = true;
                cancellation.Cancel();
            }
        });
        SyncOptions options = fixture.Quick(Out) with { PreviewSeconds = null, InferenceSteps = 2 };

        // A pipeline of its own where loading is what is cancelled.
        Task<SyncReport> run =
            stage == SyncStage.Load
                ? LipSync.RunAsync(options, progress, cancellation.Token)
                : fixture.Pipeline.RunAsync(options, progress, cancellation.Token);
        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);

        Assert.Equal(cancellation.Token, cancelled.CancellationToken);
        Assert.True(reached, $"{stage} {done} never came");
        Assert.Equal(["out.mp4"], Names);
        Assert.Equal("precious", File.ReadAllText(Out));
    }

    [Fact]
    public async Task Dispose_DuringARun_LosesNoResultAndLetsNoOtherBegin()
    {
        await Clips.RequireToolsAsync();
        LipSyncPipeline pipeline = new();
        ImmediateSyncProgress dispose = new(_ => pipeline.Dispose());

        SyncReport report = await pipeline.RunAsync(fixture.Quick(Out), dispose);

        Assert.True(File.Exists(report.OutputPath));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pipeline.RunAsync(fixture.Quick(Out)));
    }

    [Fact]
    public async Task Run_OutputFolderIsRemovedMeanwhile_EndsAndDoesNotMakeItAgain()
    {
        await Clips.RequireToolsAsync();
        Assert.SkipWhen(OperatingSystem.IsWindows(), "what is open cannot be removed there");
        Directory.CreateDirectory(_folder.File("results"));
        bool removed = false;
        ImmediateSyncProgress remove = new(p =>
        {
            if (p.Stage == SyncStage.Denoise && !removed)
            {
                removed = true;
                Directory.Delete(_folder.File("results"), recursive: true);
            }
        });

        MediaException failure = await Assert.ThrowsAsync<MediaException>(() =>
            fixture.Pipeline.RunAsync(fixture.Quick(_folder.PathOf("results", "out.mp4")) with { PreviewSeconds = null }, remove)
        );

        Assert.Equal(MediaFault.OutputLost, failure.Fault);
        Assert.Empty(Names);
    }

    [Fact]
    public async Task Run_CancelledBefore_DoesNothing()
    {
        await Clips.RequireToolsAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            fixture.Pipeline.RunAsync(fixture.Quick(Out), cancellationToken: new CancellationToken(canceled: true))
        );

        Assert.Empty(Names);
    }

    [Fact]
    public async Task Run_Resumed_UsesWhatIsThereAndEqualsAnUninterruptedRun()
    {
        await Clips.RequireToolsAsync();
        SyncOptions options = fixture.Quick(Out) with { PreviewSeconds = null, InferenceSteps = 2, Resume = true };
        using CancellationTokenSource cancellation = new();
        ImmediateSyncProgress interrupt = new(p =>
        {
            if (p is { Stage: SyncStage.Denoise, Done: 3 })
            {
                cancellation.Cancel(); // in the second of two chunks
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fixture.Pipeline.RunAsync(options, interrupt, cancellation.Token));

        Assert.Equal(["out.mp4.resume"], Names);
        Assert.Single(Directory.GetFiles(Out + ".resume"));

        List<long> steps = [];
        ImmediateSyncProgress record = new(p =>
        {
            if (p.Stage == SyncStage.Denoise)
            {
                steps.Add(p.Done);
            }
        });
        await fixture.Pipeline.RunAsync(options, record);
        await fixture.Pipeline.RunAsync(options with { OutputPath = _folder.File("whole.mp4"), Resume = false });

        Assert.Equal([2, 2, 3, 4], steps); // the first chunk's steps were not taken again
        Assert.Equal(["out.mp4", "whole.mp4"], Names);
        Assert.Equal(await Clips.DecodeAsync(_folder.File("whole.mp4")), await Clips.DecodeAsync(Out));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_ResumedWithOtherOptions_DoesNotUseOldChunks()
    {
        await Clips.RequireToolsAsync();
        SyncOptions options = fixture.Quick(Out) with { PreviewSeconds = null, Resume = true };
        using CancellationTokenSource cancellation = new();
        ImmediateSyncProgress interrupt = new(p =>
        {
            if (p is { Stage: SyncStage.Denoise, Done: 2 })
            {
                cancellation.Cancel();
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fixture.Pipeline.RunAsync(options, interrupt, cancellation.Token));
        await fixture.Pipeline.RunAsync(options with { Seed = 2 });
        await fixture.Pipeline.RunAsync(options with { Seed = 2, OutputPath = _folder.File("whole.mp4"), Resume = false });

        Assert.Equal(["out.mp4", "whole.mp4"], Names);
        Assert.Equal(await Clips.DecodeAsync(_folder.File("whole.mp4")), await Clips.DecodeAsync(Out));
    }

    [Theory]
    [InlineData(false, Traits = ["Category", "Slow"])]
    [InlineData(true)]
    public async Task Run_DiskFull_IsToldAndLeavesTheOldOutput(bool resume)
    {
        await Clips.RequireToolsAsync();
        using SmallDisk? disk = SmallDisk.TryMount(_folder.File("disk"), 16);
        Assert.SkipWhen(disk is null, "a small file system can be mounted only by the superuser of a Linux that permits it");
        string output = Path.Combine(disk.Path, "out.mp4");
        File.WriteAllText(output, "precious");
        Exception failure = await Assert.ThrowsAnyAsync<Exception>(() =>
            fixture.Pipeline.RunAsync(fixture.Quick(output) with { Crf = 0, PreviewSeconds = null, Resume = resume })
        );

        if (resume)
        {
            Assert.IsType<IOException>(failure); // the first chunk does not fit
            Assert.Contains("Resume", failure.Message, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(MediaFault.DiskFull, Assert.IsType<MediaException>(failure, exactMatch: false).Fault);
            Assert.Contains("disk is full", failure.Message, StringComparison.Ordinal);
        }
        Assert.Equal("precious", File.ReadAllText(output));
        Assert.DoesNotContain(
            Directory.EnumerateFiles(disk.Path, "*", SearchOption.AllDirectories),
            f => f.Contains(".partial", StringComparison.Ordinal)
        );
    }

    private string[] Names =>
        [.. Directory.EnumerateFileSystemEntries(_folder.Path).Select(p => Path.GetFileName(p)!).Order(StringComparer.Ordinal)];
}
