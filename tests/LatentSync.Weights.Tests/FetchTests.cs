using LatentSync.Foundation.Faults;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;
using LatentSync.Weights.Fetching;

namespace LatentSync.Weights.Tests;

/// <summary>Fetching from a server that behaves like the hub, and from one that does not.</summary>
public sealed class FetchTests
{
    [Fact]
    public async Task File_IsFetchedWholeAndVerified_AndTheTokenStaysWithTheHub()
    {
        using TestHub hub = new();
        FetchedFile file = Assert.Single(await hub.FetchAsync());
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
        Assert.Equal((FetchOrigin.Server, TestHub.Hash, true), (file.Origin, file.Sha256, file.IsVerified));
        Assert.Equal("/some/net/resolve/main/big.pt", hub.Front.Requests.First().Path);
        Assert.All(hub.Front.Requests, request => Assert.Equal("Bearer hf_secret", request.Header("Authorization")));
        Assert.NotEmpty(hub.Store.Requests);
        Assert.All(hub.Store.Requests, request => Assert.Null(request.Header("Authorization")));
        Assert.Equal(["big.pt"], Names(hub));
    }

    [Fact]
    public async Task PresentFile_IsVerified_AndNotFetchedAgain()
    {
        using TestHub hub = new();
        await hub.FetchAsync();
        int before = hub.Store.Requests.Count;
        Assert.Equal(FetchOrigin.Present, Assert.Single(await hub.FetchAsync()).Origin);
        Assert.Equal(before, hub.Store.Requests.Count);
    }

    [Fact]
    public async Task AnotherFileInThePlace_StaysAsItIs()
    {
        using TestHub hub = new();
        Directory.CreateDirectory(Path.GetDirectoryName(hub.Target)!);
        File.WriteAllText(hub.Target, "the user's own");
        Assert.Equal("WGT0105", (await Fails(hub)).Code);
        Assert.Equal("the user's own", File.ReadAllText(hub.Target));
        Assert.Empty(hub.Store.Requests);
    }

    [Fact]
    public async Task CutConnections_AreGoneOnFrom()
    {
        using TestHub hub = new();
        hub.Misbehave = (request, n) => n <= 5 ? TestHub.Bytes(request) with { CutAfter = 40_000 } : null;
        await hub.FetchAsync();
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
        HubRequest[] gets = [.. hub.Store.Requests];
        Assert.Equal(0, gets[0].RangeFrom);
        Assert.All(gets.Zip(gets.Skip(1)), pair => Assert.True(pair.Second.RangeFrom > pair.First.RangeFrom));
        Assert.All(gets.Skip(1), request => Assert.Equal("\"v1\"", request.Header("If-Range")));
    }

    [Fact]
    public async Task CutAgainAndAgainWithoutAByte_GivesUp_KeepsThePart_AndTheNextRunGoesOn()
    {
        using TestHub hub = new();
        hub.Misbehave = (request, n) => TestHub.Bytes(request) with { CutAfter = n == 1 ? 100_000 : 0 };
        WeightsException failure = await Fails(hub);
        Assert.Equal("WGT0201", failure.Code);
        Assert.Equal(100_000, new FileInfo(hub.Part).Length);
        hub.Misbehave = null;
        hub.Store.Requests.Clear();
        await hub.FetchAsync();
        Assert.Equal(100_000, Assert.Single(hub.Store.Requests).RangeFrom);
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
        Assert.Equal(["big.pt"], Names(hub));
    }

    [Fact]
    public async Task Cancelled_KeepsThePart_AndTheNextRunGoesOn()
    {
        using TestHub hub = new();
        using CancellationTokenSource cancel = new();
        hub.Misbehave = (request, n) => n == 1 ? TestHub.Bytes(request) with { StallAfter = 120_000 } : null;
        CancelAt progress = new(120_000, cancel);
        WeightsException failure = await Assert.ThrowsAsync<WeightsException>(() =>
            hub.FetchAsync(progress: progress, cancellationToken: cancel.Token)
        );
        Assert.Equal(FaultKind.Cancelled, failure.Kind);
        Assert.Equal(120_000, new FileInfo(hub.Part).Length);
        Assert.False(File.Exists(hub.Target));
        hub.Store.Requests.Clear();
        await hub.FetchAsync();
        Assert.Equal(120_000, Assert.Single(hub.Store.Requests).RangeFrom);
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
    }

    [Fact]
    public async Task StalledConnection_IsCut_AndGoneOnFrom()
    {
        using TestHub hub = new();
        hub.Options = hub.Options with { StallsAfter = TimeSpan.FromMilliseconds(500) };
        hub.Misbehave = (request, n) => n == 1 ? TestHub.Bytes(request) with { StallAfter = 50_000 } : null;
        await hub.FetchAsync();
        Assert.Equal([0L, 50_000L], hub.Store.Requests.Select(request => request.RangeFrom));
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
    }

    [Fact]
    public async Task SlowTrickle_IsNoStall()
    {
        using TestHub hub = new();
        hub.Misbehave = (request, _) => TestHub.Bytes(request) with { Trickle = 3000 };
        await hub.FetchAsync();
        Assert.Single(hub.Store.Requests);
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
    }

    [Fact]
    public async Task WrongBytes_AreRefused_AndNotKept()
    {
        using TestHub hub = new();
        byte[] changed = [.. TestHub.Content];
        changed[77_777] ^= 1;
        hub.Misbehave = (request, _) => TestHub.Bytes(request, changed);
        WeightsException failure = await Fails(hub);
        Assert.Equal("WGT0206", failure.Code);
        Assert.False(File.Exists(hub.Target));
        Assert.Equal(0, new FileInfo(hub.Part).Length);
    }

    [Fact]
    public async Task DamagedPart_IsFetchedFromTheStartOnce()
    {
        using TestHub hub = new();
        hub.Misbehave = (request, n) => TestHub.Bytes(request) with { CutAfter = n == 1 ? 100_000 : 0 };
        await Fails(hub);
        byte[] part = File.ReadAllBytes(hub.Part);
        part[5] ^= 1;
        File.WriteAllBytes(hub.Part, part);
        hub.Misbehave = null;
        hub.Store.Requests.Clear();
        await hub.FetchAsync();
        Assert.Equal([100_000L, 0L], hub.Store.Requests.Select(request => request.RangeFrom));
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
    }

    [Fact]
    public async Task PartOfAnotherVersion_IsNotMixedIn()
    {
        using TestHub hub = new();
        hub.Misbehave = (request, n) => TestHub.Bytes(request) with { CutAfter = n == 1 ? 100_000 : 0 };
        await Fails(hub);
        hub.Misbehave = (request, _) => TestHub.Bytes(request, tag: "\"v2\"");
        hub.Store.Requests.Clear();
        await hub.FetchAsync();
        Assert.Equal("\"v1\"", Assert.Single(hub.Store.Requests).Header("If-Range"));
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
    }

    [Fact]
    public async Task RangeThatIsRefused_BeginsAnew()
    {
        using TestHub hub = new();
        hub.Misbehave = (request, n) =>
            n == 1 ? TestHub.Bytes(request) with { CutAfter = 100_000 }
            : n == 2 ? new HubAnswer(416)
            : null;
        await hub.FetchAsync();
        Assert.Equal([0L, 100_000L, 0L], hub.Store.Requests.Select(request => request.RangeFrom));
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
    }

    [Theory]
    [InlineData(401, "WGT0202", "HF_TOKEN")]
    [InlineData(403, "WGT0202", "terms")]
    [InlineData(404, "WGT0203", "catalogue")]
    public async Task Refusals_SayWhatToDo_AtOnce(int status, string code, string remedy)
    {
        using TestHub hub = new();
        hub.MisbehaveFront = _ => new HubAnswer(status);
        WeightsException failure = await Fails(hub);
        Assert.Equal(code, failure.Code);
        Assert.Contains(remedy, failure.Remedy!.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("hf_secret", failure.Message, StringComparison.Ordinal);
        Assert.Single(hub.Front.Requests);
    }

    [Fact]
    public async Task TooManyRequests_AreWaitedFor_AsLongAsTheServerSays()
    {
        using TestHub hub = new();
        hub.Options = hub.Options with { FirstPause = TimeSpan.FromDays(1), LongestPause = TimeSpan.FromDays(2) };
        int asked = 0;
        hub.MisbehaveFront = _ =>
            Interlocked.Increment(ref asked) <= 2 ? new HubAnswer(429) { Headers = { ["Retry-After"] = asked == 1 ? "1" : "0" } } : null;
        await hub.FetchAsync(); // a pause of its own choice would last a day
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
    }

    [Fact]
    public async Task TooManyRequests_WithoutEnd_GiveUp()
    {
        using TestHub hub = new();
        hub.MisbehaveFront = _ => new HubAnswer(429) { Headers = { ["Retry-After"] = "0" } };
        Assert.Equal("WGT0201", (await Fails(hub)).Code);
        Assert.Equal(4, hub.Front.Requests.Count);
    }

    [Fact]
    public async Task PinnedHash_IsHeldAgainstTheServers_BeforeAByteComes()
    {
        using TestHub hub = new();
        WeightCatalogue catalogue = hub.Catalogue($", \"sha256\": \"{new string('0', 64)}\"");
        Assert.Equal("WGT0204", (await Fails(hub, catalogue)).Code);
        Assert.Empty(hub.Store.Requests);
    }

    [Fact]
    public async Task RedirectWithoutEnd_IsRefused()
    {
        using TestHub hub = new();
        hub.MisbehaveFront = request => new HubAnswer(307) { Headers = { ["Location"] = request.Path } };
        Assert.Equal("WGT0205", (await Fails(hub)).Code);
    }

    [Fact]
    public async Task RedirectToAFile_IsRefused()
    {
        using TestHub hub = new();
        hub.MisbehaveFront = _ => new HubAnswer(302) { Headers = { ["Location"] = "file:///etc/passwd" } };
        Assert.Equal("WGT0205", (await Fails(hub)).Code);
    }

    [Fact]
    public async Task RestrictedLicence_HasToBeAccepted()
    {
        using TestHub hub = new();
        WeightCatalogue catalogue = hub.Catalogue(licence: """{ "name": "research only", "restricted": true }""");
        WeightsException failure = await Fails(hub, catalogue);
        Assert.Equal("WGT0104", failure.Code);
        Assert.Empty(hub.Front.Requests);
        await hub.FetchAsync(catalogue, accepts: true);
        Assert.True(File.Exists(hub.Target));
    }

    [Fact]
    public async Task TooLittleRoom_IsSaidBeforeAByteComes()
    {
        using TestHub hub = new();
        hub.Options = hub.Options with { FreeSpace = _ => TestHub.Content.Length - 1 };
        Assert.Equal("WGT0207", (await Fails(hub)).Code);
        Assert.Empty(hub.Store.Requests);
        Assert.False(Directory.Exists(hub.Root));
    }

    [Fact]
    public async Task DiskThatFillsUp_KeepsThePart_AndTheNextRunGoesOn()
    {
        using TestHub hub = new();
        hub.Options = hub.Options with { Writer = file => new FullDisk(file, 90_000) };
        Assert.Equal("WGT0207", (await Fails(hub)).Code);
        Assert.InRange(new FileInfo(hub.Part).Length, 1, 90_000);
        hub.Options = hub.Options with { Writer = null };
        await hub.FetchAsync();
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
        Assert.True(hub.Store.Requests.Last().RangeFrom > 0);
    }

    [Fact]
    public async Task TwoAtOnce_FetchOnce()
    {
        using TestHub hub = new();
        hub.Misbehave = (request, _) => TestHub.Bytes(request) with { Trickle = 10_000 };
        WeightCatalogue catalogue = hub.Catalogue();
        IReadOnlyList<FetchedFile>[] both = await Task.WhenAll(hub.FetchAsync(catalogue), hub.FetchAsync(catalogue));
        Assert.Equal([FetchOrigin.Present, FetchOrigin.Server], both.Select(files => Assert.Single(files).Origin).Order());
        Assert.Single(hub.Store.Requests);
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
        Assert.Equal(["big.pt"], Names(hub));
    }

    internal static async Task<WeightsException> Fails(TestHub hub, WeightCatalogue? catalogue = null) =>
        await Assert.ThrowsAsync<WeightsException>(() => hub.FetchAsync(catalogue));

    private static string[] Names(TestHub hub) =>
        [.. Directory.GetFiles(Path.GetDirectoryName(hub.Target)!).Select(f => Path.GetFileName(f))];

    private sealed class CancelAt(long bytes, CancellationTokenSource cancel) : IProgress<FetchProgress>
    {
        public void Report(FetchProgress value)
        {
            if (value.Stage == FetchStage.Fetch && value.Bytes >= bytes)
            {
                cancel.Cancel();
            }
        }
    }
}
