using LatentSync.Foundation.Files;
using LatentSync.Testing;

namespace LatentSync.Foundation.Tests.Files;

public sealed class FileOverlapTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public FileOverlapTests()
    {
        Directory.CreateDirectory(_folder.PathOf("disk", "me", "clips"));
        Directory.CreateSymbolicLink(_folder.File("home"), "disk");
        File.WriteAllText(Real, "precious");
    }

    private string Real => _folder.PathOf("disk", "me", "clips", "talk.mp4");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void SamePath_IsRefused_AndBothAreNamed()
    {
        OutputIsInputException refusal = Assert.Throws<OutputIsInputException>(() => Refuse(Real, Real));

        Assert.Contains("--out is the same file as --video", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("home/me/clips/talk.mp4")] // a link two levels up
    [InlineData("home/me/../me/clips/./talk.mp4")]
    [InlineData("link.mp4")]
    [InlineData("link-to-link.mp4")]
    [InlineData("hard.mp4")]
    public async Task OtherName_OfTheSameFile_IsRefused(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "ln is a program of Unix");
        File.CreateSymbolicLink(_folder.File("link.mp4"), "home/me/clips/talk.mp4");
        File.CreateSymbolicLink(_folder.File("link-to-link.mp4"), "link.mp4");
        await ProgramRun.RunAsync(new ProgramStart(ProgramRun.Find("ln")!, [Real, _folder.File("hard.mp4")]));
        string other = _folder.File(name);

        Assert.Throws<OutputIsInputException>(() => Refuse(Real, other));
        Assert.Throws<OutputIsInputException>(() => Refuse(other, Real));
    }

    [Fact]
    public void NeitherIsThereYet_TheSamePlaceThroughALink_IsRefused() =>
        Assert.Throws<OutputIsInputException>(() =>
            Refuse(_folder.PathOf("home", "me", "new.mp4"), _folder.PathOf("disk", "me", "new.mp4"))
        );

    [Fact]
    public void OtherFiles_Pass()
    {
        File.WriteAllText(_folder.File("old.mp4"), "old");
        Refuse(Real, _folder.File("old.mp4"));
        Refuse(Real, _folder.PathOf("home", "me", "clips", "other.mp4"));
        Refuse(null, Real);
    }

    [Fact]
    public void FileOfAnInputFolder_UnderAnotherName_IsRefused()
    {
        string weights = _folder.PathOf("disk", "vae.safetensors");
        File.WriteAllText(weights, "weights");
        File.CreateSymbolicLink(_folder.File("out.mp4"), "disk/vae.safetensors");

        Assert.Throws<OutputIsInputException>(() => Refuse(_folder.File("home"), _folder.File("out.mp4")));
    }

    [Fact]
    public void OldResult_InAFolderOfModels_IsNoModel() => Refuse(_folder.File("disk"), Real);

    private static void Refuse(string? input, string output) =>
        FileOverlap.Refuse([new NamedPath("--video", input)], [new NamedPath("--out", output)]);
}
