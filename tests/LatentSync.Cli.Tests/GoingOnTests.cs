using System.CommandLine;
using LatentSync.Chunks;
using LatentSync.Cli.Commands;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

public sealed class GoingOnTests
{
    private static readonly RootCommand Root = CommandTree.Create();

    [Fact]
    public void Line_IsWhatAShellTakesAsItWasMeant()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "another shell");

        Assert.Equal("latentsync sync --out /tmp/o.mp4", GoingOn.Line(["sync", "--out", "/tmp/o.mp4"]));
        Assert.Equal("latentsync 'my talk.mp4' 'it'\\''s' ''", GoingOn.Line(["my talk.mp4", "it's", ""]));
        Assert.Equal("latentsync $'a\\nb\\'\\\\c'", GoingOn.Line(["a\nb'\\c"]));
    }

    [Theory]
    [InlineData(0, "no chunk was finished, so none is kept; to start again: latentsync sync ")]
    [InlineData(1, "1 finished chunk is kept; to go on from there: latentsync sync ")]
    [InlineData(3, "3 finished chunks are kept; to go on from there: latentsync sync ")]
    public void After_SyncWithResume_CountsTheChunksThatAreKept(int chunks, string expected)
    {
        using TemporaryFolder folder = new();
        string output = folder.File("o.mp4");
        for (int i = 0; i < chunks; i++)
        {
            new ChunkStore(output).Write(new string((char)('a' + i), 64), new Half[4]);
        }
        string[] arguments = ["sync", "--video", "v", "--audio", "a", "--out", output, "--resume"];

        string? said = GoingOn.After(Root.Parse(arguments), arguments);

        Assert.StartsWith(expected, said, StringComparison.Ordinal);
        Assert.EndsWith("--resume", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        "sync --video v --audio a --out o",
        "nothing was kept; with --resume finished chunks are: latentsync sync --video v --audio a --out o --resume"
    )]
    [InlineData("demo", "nothing was kept; to start again: latentsync demo")]
    [InlineData("eval demo", "nothing was kept; to start again: latentsync eval demo")]
    [InlineData("synth --count 3 --out d", "complete clips are kept; to draw the rest: latentsync synth --count 3 --out d")]
    [InlineData(
        "train vae --config c --out /nowhere/at/all",
        "no step was finished, so nothing is kept; to start again: latentsync train vae --config c --out /nowhere/at/all"
    )]
    [InlineData("doctor", null)]
    public void After_OtherCommands_SaysWhatIsKept(string line, string? expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "another shell");
        string[] arguments = line.Split(' ');

        Assert.Equal(expected, GoingOn.After(Root.Parse(arguments), arguments));
    }

    [Fact]
    public void After_TrainingWithAState_GoesOnFromIt()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("state.safetensors"), string.Empty);
        string[] arguments = ["train", "vae", "--config", "c", "--out", folder.Path];

        string? said = GoingOn.After(Root.Parse(arguments), arguments);

        Assert.StartsWith("the training so far is kept; to go on: latentsync train vae", said, StringComparison.Ordinal);
        Assert.EndsWith(" --resume", said, StringComparison.Ordinal);
    }
}
