using System.Text.Json;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>`models` and a `sync` without weights, by the built program.</summary>
[Collection(CliRuns.Name)]
[Trait("Category", "Integration")]
public sealed class ModelsTests(CliFixture fixture) : IDisposable
{
    private static readonly Dictionary<string, string?> Offline = new() { ["HF_HUB_OFFLINE"] = "1", ["HF_HUB_CACHE"] = "/nowhere" };
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task List_SaysWhatThereIsAndWhatIsHere()
    {
        string syncNet = _folder.PathOf("auxiliary", "syncnet_v2.model");
        Directory.CreateDirectory(Path.GetDirectoryName(syncNet)!);
        await File.WriteAllTextAsync(syncNet, "x");
        ProgramRun run = await Cli.RunAsync("models", "--out", _folder.Path, "--json");
        Assert.True(run.ExitCode == ExitCode.Done, run.Errors);
        using JsonDocument list = JsonDocument.Parse(run.Output);
        Dictionary<string, JsonElement> models = list
            .RootElement.GetProperty("models")
            .EnumerateArray()
            .ToDictionary(m => m.GetProperty("name").GetString()!);
        Assert.True(models["syncnet"].GetProperty("isComplete").GetBoolean());
        Assert.False(models["latentsync-1.6"].GetProperty("isComplete").GetBoolean());
        Assert.True(models["insightface"].GetProperty("isRestricted").GetBoolean());
        ProgramRun words = await Cli.RunAsync("models", "--out", _folder.Path);
        Assert.Contains("non-commercial", words.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ExitCode.Usage, "did you mean latentsync-1.6?", "latentsync-16")]
    [InlineData(ExitCode.Usage, "--accept-licence", "insightface")]
    [InlineData(ExitCode.Failed, "HF_HUB_OFFLINE", "latentsync-1.6")]
    public async Task Get_ThatCannotBe_SaysWhatToDo(int code, string says, string name)
    {
        ProgramRun run = await Cli.RunAsync(Offline, "models", "get", name, "--out", _folder.File("w"));
        Cli.AssertFailure(code, run);
        Assert.Contains(says, run.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("w")));
    }

    [Fact]
    public async Task SyncWithoutWeights_SaysWhatToTypeAndHowMuchComes()
    {
        Cli.RequireFfmpeg();
        ProgramRun run = await Cli.RunAsync([
            "sync",
            "--video",
            fixture.Video,
            "--audio",
            fixture.Audio,
            "--landmarks",
            fixture.Landmarks,
            "--out",
            _folder.File("o.mp4"),
            "--checkpoint",
            _folder.File("none"),
        ]);
        Cli.AssertFailure(ExitCode.Usage, run);
        string flat = string.Join(' ', run.Errors.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("latentsync models get latentsync-1.5 --out", flat, StringComparison.Ordinal);
        Assert.Contains(" GB", flat, StringComparison.Ordinal);
    }
}
