using System.IO.Compression;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;
using LatentSync.Weights.Fetching;
using LatentSync.Weights.Hub;

namespace LatentSync.Weights.Tests;

/// <summary>The hub's cache, work without a network, and archives.</summary>
public sealed class CacheTests
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";

    [Fact]
    public async Task FileOfTheCache_IsVerifiedAndCopied()
    {
        using TestHub hub = new();
        Fill(hub, TestHub.Content);
        FetchedFile file = Assert.Single(await hub.FetchAsync());
        Assert.Equal((FetchOrigin.Cache, true), (file.Origin, file.IsVerified));
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
        Assert.Empty(hub.Store.Requests);
    }

    [Fact]
    public async Task DamagedFileOfTheCache_IsFetchedInstead()
    {
        using TestHub hub = new();
        Fill(hub, [.. TestHub.Content.Select(b => (byte)~b)]);
        Assert.Equal(FetchOrigin.Server, Assert.Single(await hub.FetchAsync()).Origin);
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
    }

    [Fact]
    public async Task Offline_NobodyIsAsked()
    {
        using TestHub hub = new() { IsOffline = true };
        Assert.Equal("WGT0210", (await FetchTests.Fails(hub)).Code);
        Fill(hub, TestHub.Content);
        Assert.Equal(FetchOrigin.Cache, Assert.Single(await hub.FetchAsync()).Origin);
        Assert.Empty(hub.Front.Requests);
        Assert.Equal(TestHub.Content, File.ReadAllBytes(hub.Target));
    }

    [Fact]
    public async Task Archive_GivesTheNamedEntriesOnly()
    {
        using TestHub hub = new();
        using MemoryStream zip = new();
        using (ZipArchive archive = new(zip, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (string name in (string[])["pack/a.onnx", "../../evil", "b.onnx"])
            {
                using Stream entry = archive.CreateEntry(name).Open();
                entry.Write("x"u8);
            }
        }
        byte[] bytes = zip.ToArray();
        hub.Misbehave = (request, _) => TestHub.Bytes(request, bytes);
        WeightCatalogue catalogue = WeightCatalogue.Default.With(
            hub.File(
                "zip.json",
                $$"""
                { "format": 1, "packages": [{ "name": "big", "title": "t", "licence": { "name": "MIT", "restricted": false }, "source": "s",
                  "files": [{ "path": "p.zip", "url": "{{hub.Store.Address}}p.zip", "unpack": { "a.onnx": "faces/a.onnx", "b.onnx": "faces/b.onnx" } }] }] }
                """
            )
        );
        IReadOnlyList<FetchedFile> files = await hub.FetchAsync(catalogue);
        Assert.Equal(["faces/a.onnx", "faces/b.onnx"], files.Select(f => f.Path));
        Assert.All(files, f => Assert.False(f.IsVerified));
        Assert.Equal(
            ["a.onnx", "b.onnx"],
            Directory.GetFiles(hub.Root, "*", SearchOption.AllDirectories).Select(f => Path.GetFileName(f)).Order()
        );
        Assert.All(hub.Store.Requests, request => Assert.Null(request.Header("Authorization")));
        hub.Store.Requests.Clear();
        Assert.All(await hub.FetchAsync(catalogue), f => Assert.Equal(FetchOrigin.Present, f.Origin));
        Assert.Empty(hub.Store.Requests);
    }

    [Theory]
    [InlineData("HF_ENDPOINT", "ftp://x")]
    [InlineData("HF_ENDPOINT", "nowhere")]
    [InlineData("HF_TOKEN", "a\nb: c")]
    public void UnusableVariable_IsNamed(string name, string value)
    {
        WeightsException failure = Assert.Throws<WeightsException>(() => HubSettings.Of(asked => asked == name ? value : null));
        Assert.Equal("WGT0103", failure.Code);
        Assert.Contains(name, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Variables_AreThoseOfTheHubsTools()
    {
        Dictionary<string, string> variables = new()
        {
            ["HF_ENDPOINT"] = "https://mirror.example/hf",
            ["HF_TOKEN"] = "hf_x",
            ["HF_HUB_OFFLINE"] = "YES",
            ["HF_HOME"] = "/h",
        };
        HubSettings settings = HubSettings.Of(variables.GetValueOrDefault);
        Assert.Equal(new Uri("https://mirror.example/hf/"), settings.Endpoint);
        Assert.Equal(("hf_x", true, Path.Combine("/h", "hub")), (settings.Token, settings.IsOffline, settings.CacheFolder));
        Assert.Equal(new Uri("https://huggingface.co/"), HubSettings.Of(_ => null).Endpoint);
    }

    private static void Fill(TestHub hub, byte[] content)
    {
        string repository = Path.Combine(Path.GetDirectoryName(hub.Root)!, "cache", "models--some--net");
        hub.Cache = Path.GetDirectoryName(repository);
        Directory.CreateDirectory(Path.Combine(repository, "refs"));
        Directory.CreateDirectory(Path.Combine(repository, "snapshots", Commit));
        File.WriteAllText(Path.Combine(repository, "refs", "main"), Commit);
        File.WriteAllBytes(Path.Combine(repository, "snapshots", Commit, "big.pt"), content);
    }
}
