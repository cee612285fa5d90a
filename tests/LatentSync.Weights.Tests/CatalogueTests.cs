using LatentSync.Foundation.Faults;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;
using LatentSync.Weights.Fetching;

namespace LatentSync.Weights.Tests;

/// <summary>The catalogue that ships, and files that extend it.</summary>
public sealed class CatalogueTests
{
    [Theory]
    [InlineData("latentsync-1.5")]
    [InlineData("latentsync-1.6")]
    public void Checkpoint_HasAllThatSyncNeeds(string name)
    {
        string[] files = [.. WeightCatalogue.Default.Expand([name]).SelectMany(p => p.Files).SelectMany(f => f.Results)];
        Assert.All(
            (string[])["latentsync_unet.pt", "whisper/tiny.pt", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"],
            file => Assert.Contains(file, files)
        );
    }

    [Fact]
    public void Insightface_IsRestricted() =>
        Assert.True(Assert.Single(WeightCatalogue.Default.Expand(["InsightFace"])).Licence.IsRestricted);

    [Fact]
    public void UnknownName_IsAnsweredWithTheNearest()
    {
        WeightsException failure = Assert.Throws<WeightsException>(() => WeightCatalogue.Default.Expand(["latentsync-16"]));
        Assert.Equal((FaultKind.Input, "WGT0102"), (failure.Kind, failure.Code));
        Assert.Contains("did you mean latentsync-1.6?", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PackagesThatIncludeEachOther_AreListedOnce()
    {
        using TestHub hub = new();
        string package(string name, string other) =>
            $$"""{ "name": "{{name}}", "title": "t", "licence": { "name": "MIT", "restricted": false }, "source": "s", "includes": ["{{other}}"], "files": [] }""";
        WeightCatalogue catalogue = WeightCatalogue.Default.With(
            hub.File("c.json", $$"""{ "format": 1, "packages": [{{package("a", "b")}}, {{package("b", "a")}}] }""")
        );
        Assert.Equal(["a", "b"], catalogue.Expand(["a"]).Select(p => p.Name));
    }

    [Fact]
    public void Presence_IsWhatLiesThere()
    {
        using TestHub hub = new();
        WeightPackage package = Assert.Single(hub.Catalogue(", \"bytes\": 3").Expand(["big"]));
        WeightCatalogue catalogue = hub.Catalogue(", \"bytes\": 3");
        Assert.False(PackagePresence.Of(catalogue, package, hub.Root).IsComplete);
        hub.File("weights/net/big.pt", "1234");
        Assert.Equal(["net/big.pt"], PackagePresence.Of(catalogue, package, hub.Root).Missing);
        hub.File("weights/net/big.pt", "123");
        Assert.True(PackagePresence.Of(catalogue, package, hub.Root).IsComplete);
    }

    [Theory]
    [InlineData("\"path\": \"../x\"")]
    [InlineData("\"path\": \"/x\"")]
    [InlineData("\"path\": \"a//b\"")]
    [InlineData("\"path\": \"a/./b\"")]
    [InlineData("\"path\": \"C:/x\"")]
    [InlineData("\"path\": \"a\\\\b\"")]
    [InlineData("\"path\": \"nul.pt\"")]
    [InlineData("\"path\": \"x.\"")]
    [InlineData("\"path\": 3")]
    [InlineData("\"repository\": \"a/b/c\"")]
    [InlineData("\"repository\": \"../b\"")]
    [InlineData("\"file\": \"a?b\"")]
    [InlineData("\"revision\": \"../x\"")]
    [InlineData("\"url\": \"https://x/y\"")]
    [InlineData("\"sha256\": \"ABC\"")]
    [InlineData("\"bytes\": -1")]
    [InlineData("\"bytes\": 1.5")]
    [InlineData("\"unpack\": { \"a\": \"../b\" }")]
    [InlineData("\"extra\": 1")]
    public void UnusableFile_IsRefused(string member)
    {
        string name = member[..member.IndexOf(':', StringComparison.Ordinal)];
        string path = name == "\"path\"" ? member : "\"path\": \"a/b.pt\"",
            repository = name == "\"repository\"" ? member : "\"repository\": \"a/b\"",
            more = name is "\"path\"" or "\"repository\"" ? "" : ", " + member;
        Refused($"{{ {path}, {repository}{more} }}");
    }

    [Theory]
    [InlineData("ftp://x/y")]
    [InlineData("file:///x")]
    [InlineData("https://user:word@x/y")]
    [InlineData("x/y")]
    public void UnusableAddress_IsRefused(string url) => Refused($$"""{ "path": "a", "url": "{{url}}" }""");

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{ "format": 2, "packages": [] }""")]
    [InlineData("""{ "format": 1, "packages": 3 }""")]
    [InlineData("""{ "format": 1, "packages": [3] }""")]
    [InlineData("""{ "format": 1, "format": 1, "packages": [] }""")]
    public void UnusableDocument_IsRefused(string text)
    {
        using TestHub hub = new();
        string path = hub.File("bad.json", text);
        WeightsException failure = Assert.Throws<WeightsException>(() => WeightCatalogue.Default.With(path));
        Assert.Equal((FaultKind.Input, "WGT0101"), (failure.Kind, failure.Code));
    }

    private static void Refused(string file)
    {
        using TestHub hub = new();
        string path = hub.File(
            "bad.json",
            $$"""
            { "format": 1, "packages": [{ "name": "n", "title": "t", "licence": { "name": "MIT", "restricted": false }, "source": "s", "files": [{{file}}] }] }
            """
        );
        Assert.Equal("WGT0101", Assert.Throws<WeightsException>(() => WeightCatalogue.Default.With(path)).Code);
    }
}
