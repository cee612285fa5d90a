using LatentSync.Evaluation.Demo;
using LatentSync.Networks;

namespace LatentSync.Evaluation.Tests.Demo;

public sealed class DemoCheckpointTests : IDisposable
{
    /// <summary>The repository keeps small files only.</summary>
    private const long MaxBytes = 12 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("latentsync-demo-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void FindBeside_FolderWithAllParts_IsFound_OthersAreNot()
    {
        Assert.Null(DemoCheckpoint.FindBeside(_folder));
        string folder = Path.Combine(_folder, DemoCheckpoint.FolderName);
        foreach (string name in SeededCheckpoint.Files.Take(4))
        {
            Assert.Null(DemoCheckpoint.FindBeside(_folder));
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, name))!);
            File.WriteAllText(Path.Combine(folder, name), "x");
        }
        Assert.Equal(folder, DemoCheckpoint.FindBeside(_folder));
    }

    [Theory]
    [InlineData("checkpoints")]
    [InlineData("./demo")]
    [InlineData("Demo")]
    public void Resolve_AnyFolder_StaysAsItIs(string folder) => Assert.Equal(folder, DemoCheckpoint.Resolve(folder));

    [Fact]
    public void Resolve_Demo_IsTheEmbeddedOneOrSaysWhatIsMissing()
    {
        if (DemoCheckpoint.Find() is { } folder)
        {
            Assert.Equal(folder, DemoCheckpoint.Resolve("demo"));
        }
        else
        {
            var thrown = Assert.Throws<CheckpointFolderException>(() => DemoCheckpoint.Resolve("demo"));
            Assert.Contains("demo-checkpoint", thrown.Message, StringComparison.Ordinal);
            Assert.Contains("CheckpointFolder DIR", thrown.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Embedded_Checkpoint_IsTrainedCompleteAndSmall()
    {
        string? folder = DemoCheckpoint.Find();
        Assert.SkipWhen(folder is null, "this build has no src/LatentSync.Evaluation/Demo/Checkpoint");
        Assert.False(SeededCheckpoint.IsUntrained(folder!), "the embedded checkpoint must not be a seeded one");
        Assert.All(SeededCheckpoint.Files, name => Assert.True(File.Exists(Path.Combine(folder!, name)), name));
        Assert.InRange(Directory.GetFiles(folder!, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length), 1, MaxBytes);
        CheckpointFolder parts = CheckpointFolder.Find(folder!);
        Assert.NotNull(parts.Configuration);
    }

    [Theory]
    [InlineData("UNTRAINED, seeded random weights", true)]
    [InlineData("UNTRAIN", false)]
    [InlineData("Trained on drawn faces; before that UNTRAINED", false)]
    public void IsUntrained_ReadsTheReadme(string text, bool expected)
    {
        Assert.False(SeededCheckpoint.IsUntrained(_folder));
        File.WriteAllText(Path.Combine(_folder, "README.txt"), text);
        Assert.Equal(expected, SeededCheckpoint.IsUntrained(_folder));
    }
}
