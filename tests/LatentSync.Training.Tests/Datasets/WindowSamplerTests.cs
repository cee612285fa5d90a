using LatentSync.Testing;
using LatentSync.Training.Datasets;
using TorchSharp;

namespace LatentSync.Training.Tests.Datasets;

[Trait("Category", "Integration")]
public sealed class WindowSamplerTests(DrawnFaces drawn) : IClassFixture<DrawnFaces>
{
    private const int Draws = 600;
    private static readonly FaceClipLibraryOptions Small = new() { Resolution = 64 };

    [Fact]
    public async Task Draw_ManyWindows_CoverEveryStartAndNeverOverlapTheirReference()
    {
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync(VideoList.OfFolder(drawn.Faces), Small);
        WindowSampler sampler = new(library);
        List<TrainingWindow> windows = [];
        for (int i = 0; i < Draws; i++)
        {
            windows.Add(await sampler.DrawAsync(1247, i / 4, i % 4));
        }

        Assert.All(
            windows,
            window =>
                Assert.True(
                    window.Start is >= 0 and <= 48
                        && window.ReferenceStart is >= 0 and <= 48
                        && Math.Abs(window.Start - window.ReferenceStart) >= 16,
                    $"{window.Start}, {window.ReferenceStart}"
                )
        );
        // 600 draws among 49 starts: each is missed with probability 4e-6.
        Assert.Equal(49, windows.Select(window => window.Start).Distinct().Count());
        Assert.Equal(49, windows.Select(window => window.ReferenceStart).Distinct().Count());
        Assert.Contains(windows, window => window.ReferenceStart < window.Start);
        Assert.All(windows.GroupBy(window => window.Clip.Path), group => Assert.InRange(group.Count(), Draws / 4, Draws / 2));
        using torch.Tensor frames = windows[0].Frames(),
            reference = windows[0].ReferenceFrames();
        Assert.Equal([16, 3, 64, 64], frames.shape);
        Assert.Equal(frames.shape, reference.shape);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Draw_AnotherInstanceInAnotherOrder_GivesTheSameWindows()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder.File("broken.mp4"), "no video");
        string[] paths = [folder.File("broken.mp4"), .. VideoList.OfFolder(drawn.Faces)];
        async Task<Dictionary<(int, int), (string, int, int, int, int)>> Draw(IEnumerable<(int Step, int Item)> order)
        {
            using FaceClipLibrary library = await FaceClipLibrary.OpenAsync(paths, Small with { CacheBytes = 1 });
            WindowSampler sampler = new(library);
            Dictionary<(int, int), (string, int, int, int, int)> drawn = [];
            foreach ((int step, int item) in order)
            {
                TrainingWindow window = await sampler.DrawAsync(-3, step, item);
                SyncWindow sync = await sampler.DrawSyncAsync(-3, step, item);
                drawn[(step, item)] = (window.Clip.Path, window.Start, window.ReferenceStart, sync.SpeechStart, sync.FrameStart);
            }
            return drawn;
        }
        (int, int)[] order = [.. Enumerable.Range(0, 3).Select(i => (i / 2, i % 2))];

        var first = await Draw(order);
        var second = await Draw(order.Reverse());

        Assert.Equal(first.OrderBy(entry => entry.Key), second.OrderBy(entry => entry.Key));
        Assert.Equal(3, first.Values.Distinct().Count());
    }

    [Fact]
    public async Task DrawSync_ManyWindows_HalfAreInSyncAndTheOthersAreElsewhere()
    {
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync(VideoList.OfFolder(drawn.Faces), Small with { MinimumFrames = 32 });
        WindowSampler sampler = new(library);
        List<SyncWindow> windows = [];
        for (int i = 0; i < Draws; i++)
        {
            windows.Add(await sampler.DrawSyncAsync(9, i, 0));
        }

        Assert.All(windows, window => Assert.True(window.SpeechStart is >= 0 and <= 48 && window.FrameStart is >= 0 and <= 48));
        Assert.All(windows, window => Assert.Equal(window.SpeechStart == window.FrameStart ? 1 : 0, window.Label));
        // Standard deviation 12 around 300.
        Assert.InRange(windows.Count(window => window.InSync), 250, 350);
        Assert.Equal(49, windows.Select(window => window.FrameStart).Distinct().Count());
        using torch.Tensor frames = windows[0].Frames();
        Assert.Equal([16, 3, 64, 64], frames.shape);
    }

    [Fact]
    public async Task Draw_LibraryOfShorterVideos_IsRefused()
    {
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync(VideoList.OfFolder(drawn.Faces), Small with { MinimumFrames = 47 });

        await Assert.ThrowsAsync<InvalidOperationException>(() => new WindowSampler(library).DrawAsync(1, 0, 0));
        Assert.NotNull((await new WindowSampler(library).DrawSyncAsync(1, 0, 0)).Clip);
    }

    [Fact]
    public async Task Draw_OneFrameWindows_ReachBothEnds()
    {
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync([VideoList.OfFolder(drawn.Faces)[0]], Small);
        WindowSampler sampler = new(library, 1);
        HashSet<int> starts = [];
        for (int i = 0; i < 1000; i++)
        {
            TrainingWindow window = await sampler.DrawAsync(4, i, 0);
            Assert.NotEqual(window.Start, window.ReferenceStart);
            starts.Add(window.Start);
        }
        Assert.Equal(64, starts.Count);
    }
}
