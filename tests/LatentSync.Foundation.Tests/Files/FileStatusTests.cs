using LatentSync.Foundation.Files;
using LatentSync.Testing;

namespace LatentSync.Foundation.Tests.Files;

public sealed class FileStatusTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void File_IsRegular_WithItsLength()
    {
        File.WriteAllBytes(_folder.File("a"), new byte[5]);

        FileStatus status = FileStatus.Of(_folder.File("a"))!.Value;

        Assert.Equal((FileKind.Regular, 5L), (status.Kind, status.Length));
    }

    [Fact]
    public void LinkToAFile_HasTheFilesLength_AndIdentity()
    {
        File.WriteAllBytes(_folder.File("a"), new byte[5]);
        File.CreateSymbolicLink(_folder.File("link"), "a");

        Assert.Equal(FileStatus.Of(_folder.File("a")), FileStatus.Of(_folder.File("link")));
    }

    [Fact]
    public void Folder_ThroughALink_IsOne()
    {
        Directory.CreateSymbolicLink(_folder.File("link"), _folder.Path);

        Assert.Equal(FileKind.Folder, FileStatus.Of(_folder.File("link"))!.Value.Kind);
        Assert.Equal(FileStatus.Of(_folder.Path)!.Value.Identity, FileStatus.Of(_folder.File("link"))!.Value.Identity);
    }

    [Fact]
    public void OtherFile_OfTheSameContent_IsAnotherFile()
    {
        File.WriteAllBytes(_folder.File("a"), new byte[5]);
        File.WriteAllBytes(_folder.File("b"), new byte[5]);

        Assert.NotEqual(FileStatus.Of(_folder.File("a"))!.Value.Identity, FileStatus.Of(_folder.File("b"))!.Value.Identity);
    }

    [Fact]
    public void NothingThere_IsNull()
    {
        File.CreateSymbolicLink(_folder.File("dangling"), "nowhere");

        Assert.All(new[] { "missing", "dangling", "a\0b" }, name => Assert.Null(FileStatus.Of(_folder.File(name))));
        Assert.Null(FileStatus.Of(string.Empty));
    }

    [Fact]
    public async Task HardLink_IsTheSameFile_AndAPipeIsNone()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "ln and mkfifo are programs of Unix");
        File.WriteAllBytes(_folder.File("a"), new byte[5]);
        await ProgramRun.RunAsync(new ProgramStart(ProgramRun.Find("ln")!, [_folder.File("a"), _folder.File("hard")]));
        await ProgramRun.RunAsync(new ProgramStart(ProgramRun.Find("mkfifo")!, [_folder.File("pipe")]));
        File.CreateSymbolicLink(_folder.File("to-pipe"), "pipe");

        Assert.Equal(FileStatus.Of(_folder.File("a")), FileStatus.Of(_folder.File("hard")));
        Assert.All(
            new[] { _folder.File("pipe"), _folder.File("to-pipe"), "/dev/zero" },
            path => Assert.Equal(FileKind.Special, FileStatus.Of(path)!.Value.Kind)
        );
    }
}
