using LatentSync.Testing;
using LatentSync.Tests.Chunks;

namespace LatentSync.Tests.Run;

[Trait("Category", "Integration")]
[Collection(PipelineRuns.Name)]
public sealed class RemoteChunksTests(PipelineFixture fixture) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, Traits = ["Category", "Slow"])]
    [InlineData(2)]
    public async Task Run_ChunksOfOtherProcesses_IsTheSameBitForBit(int window)
    {
        await Clips.RequireToolsAsync();
        ChunkChild children = new(fixture.Checkpoint, _folder.Path, window);
        using LipSyncPipeline remote = new() { ChunkComputer = _ => children };
        SyncOptions options = fixture.Quick(_folder.File("here.mp4")) with
        {
            PreviewSeconds = null,
            InferenceSteps = 2,
            GuidanceScale = 1.5,
        };

        SyncReport here = await fixture.Pipeline.RunAsync(options);
        SyncReport there = await remote.RunAsync(options with { OutputPath = _folder.File("there.mp4") });

        Assert.Equal(await Clips.DecodeAsync(here.OutputPath), await Clips.DecodeAsync(there.OutputPath));
        Assert.Equal(here.NetworkFrames, there.NetworkFrames);
        Assert.Equal(window, children.MostUnderWay);
    }
}
