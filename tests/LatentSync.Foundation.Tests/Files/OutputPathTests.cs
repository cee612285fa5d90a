using LatentSync.Foundation.Files;
using LatentSync.Testing;

namespace LatentSync.Foundation.Tests.Files;

public sealed class OutputPathTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("http://host/o.mp4")]
    [InlineData("file:///tmp/o.mp4")]
    [InlineData("s3://bucket/o.mp4")]
    public void Address_IsRefused_ForFilesAndFolders(string address)
    {
        Assert.Contains(
            "address on the network",
            Assert.Throws<OutputPathException>(() => OutputPath.File(address)).Message,
            StringComparison.Ordinal
        );
        Assert.Throws<OutputPathException>(() => OutputPath.Folder(address));
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("a\0b")]
    public void EmptyName_IsRefused(string name) => Assert.Throws<OutputPathException>(() => OutputPath.File(name));

    [Fact]
    public async Task FolderPipeAndDevice_AreRefused()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "mkfifo is a program of Unix");
        await ProgramRun.RunAsync(new ProgramStart(ProgramRun.Find("mkfifo")!, [_folder.File("pipe")]));
        File.CreateSymbolicLink(_folder.File("link"), "pipe");

        Assert.Contains(
            "is a folder",
            Assert.Throws<OutputPathException>(() => OutputPath.File(_folder.Path)).Message,
            StringComparison.Ordinal
        );
        Assert.All(
            new[] { _folder.File("pipe"), _folder.File("link"), "/dev/null" },
            path =>
                Assert.Contains(
                    "a pipe or a device",
                    Assert.Throws<OutputPathException>(() => OutputPath.File(path)).Message,
                    StringComparison.Ordinal
                )
        );
    }

    [Fact]
    public void Link_LeadsToItsTarget_AlsoWhenThatIsNotThereYet()
    {
        File.CreateSymbolicLink(_folder.File("link"), "sub/new.mp4");
        File.CreateSymbolicLink(_folder.File("link-to-link"), "link");

        Assert.EndsWith(Path.Combine("sub", "new.mp4"), OutputPath.File(_folder.File("link-to-link")), StringComparison.Ordinal);
    }

    [Fact]
    public void LinksInACircle_AreRefused()
    {
        File.CreateSymbolicLink(_folder.File("a"), "b");
        File.CreateSymbolicLink(_folder.File("b"), "a");

        Assert.Throws<OutputPathException>(() => OutputPath.File(_folder.File("a")));
    }

    [Fact]
    public void FileInPlaceOfAFolder_IsRefused()
    {
        File.WriteAllText(_folder.File("f"), "");

        Assert.Throws<OutputPathException>(() => OutputPath.Folder(_folder.File("f")));
        Assert.Equal(_folder.File("g"), OutputPath.Folder(_folder.File("g")));
    }
}
