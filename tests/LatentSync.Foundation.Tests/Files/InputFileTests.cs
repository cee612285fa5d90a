using System.Text;
using LatentSync.Foundation.Files;
using LatentSync.Testing;

namespace LatentSync.Foundation.Tests.Files;

/// <summary>Inputs that are regular files are read, links followed; everything else is refused at once, with the reason.</summary>
public sealed class InputFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_LinkToALinkToAFile_GivesTheFilesContent()
    {
        string file = Write("file", "content, longer than the link's own length"u8.ToArray());
        File.CreateSymbolicLink(_folder.File("link"), file);
        File.CreateSymbolicLink(_folder.File("second"), "link");

        Assert.Equal(File.ReadAllBytes(file), InputFile.ReadAllBytes(_folder.File("second"), 100));
        Assert.Equal(_folder.File("second"), InputFile.Require(_folder.File("second")));
        using FileStream stream = InputFile.OpenRead(_folder.File("second"));
        Assert.Equal(new FileInfo(file).Length, stream.Length);
    }

    [Fact]
    public void Read_AtTheBound_IsAcceptedAndOneMoreByteIsNot()
    {
        string file = Write("file", new byte[100]);
        Assert.Equal(100, InputFile.ReadAllBytes(file, 100).Length);
        InputFileException refused = Assert.Throws<InputFileException>(() => InputFile.ReadAllBytes(file, 99));
        Assert.Equal(InputFileFault.TooLarge, refused.Fault);
        Assert.Contains("99 bytes", refused.Message, StringComparison.Ordinal);
        Assert.Throws<InputFileException>(() => InputFile.OpenRead(file, 99));
        Assert.Empty(InputFile.ReadAllBytes(Write("empty", []), 99));
    }

    [Fact]
    public void Open_MissingFolderOrEmptyName_SaysWhich()
    {
        Assert.Equal(InputFileFault.Missing, Fault(_folder.File("none")));
        Assert.Equal(InputFileFault.Missing, Fault(_folder.PathOf("none", "inside")));
        Assert.Equal(InputFileFault.Missing, Fault(""));
        Assert.Equal(InputFileFault.Missing, Fault("a\0b"));
        Assert.Equal(InputFileFault.Missing, Fault(new string('x', 5000)));
        Assert.Equal(InputFileFault.Folder, Fault(_folder.Path));
        File.CreateSymbolicLink(_folder.File("round"), _folder.File("round"));
        Assert.Equal(InputFileFault.Missing, Fault(_folder.File("round")));
    }

    [Fact]
    public void Open_NameWithControlCharacters_IsShownEscaped()
    {
        string message = Assert.Throws<InputFileException>(() => InputFile.OpenRead(_folder.File("a\u001b[31m\nb"))).Message;
        Assert.Contains("a\\u001b[31m\\nb", message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
    }

    [Fact]
    public async Task Open_NamedPipeAndALinkToIt_IsRefusedWithoutWaiting()
    {
        Assert.SkipUnless(NamedPipe.IsSupported, "no named pipes here");
        string pipe = await NamedPipe.CreateAsync(_folder.File("pipe"));
        File.CreateSymbolicLink(_folder.File("link"), "pipe");
        foreach (string path in (string[])[pipe, _folder.File("link")])
        {
            InputFileException refused = Assert.Throws<InputFileException>(() => InputFile.OpenRead(path));
            Assert.Equal(InputFileFault.NotRegular, refused.Fault);
            Assert.Contains("write it to a file", refused.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/null")]
    [InlineData("/dev/stdin")]
    [InlineData("/dev/fd/0")]
    [InlineData("/proc/self/fd/0")]
    public void Open_Device_IsRefused(string device)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "names of Linux");
        Assert.Contains(Fault(device), (InputFileFault[])[InputFileFault.NotRegular, InputFileFault.Missing]); // a test's standard input may be closed
    }

    [Fact]
    public void Read_FileThatDoesNotKnowItsLength_IsReadToItsEnd()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc is Linux'");
        Assert.Contains("processor", InputFile.ReadAllText("/proc/cpuinfo", 16 << 20), StringComparison.Ordinal);
        Assert.Equal(InputFileFault.TooLarge, Assert.Throws<InputFileException>(() => InputFile.ReadAllBytes("/proc/cpuinfo", 10)).Fault);
    }

    [Fact]
    public void ReadAllText_ByteOrderMarks_AreTakenOff()
    {
        foreach (
            Encoding encoding in (Encoding[])
                [new UTF8Encoding(false), new UTF8Encoding(true), new UnicodeEncoding(false, true), new UnicodeEncoding(true, true)]
        )
        {
            string file = Write("text", [.. encoding.Preamble, .. encoding.GetBytes("schön: 嘴")]);
            Assert.Equal("schön: 嘴", InputFile.ReadAllText(file, 100));
            Assert.Equal(["schön: 嘴"], InputFile.ReadLines(file, 100));
        }
    }

    [Fact]
    public void ReadAllText_NoUnicode_SaysAtWhichByte()
    {
        InputFileException refused = Assert.Throws<InputFileException>(() =>
            InputFile.ReadAllText(Write("latin", [(byte)'a', (byte)'b', 0xE4, (byte)'c']), 100)
        );
        Assert.Equal(InputFileFault.NotText, refused.Fault);
        Assert.Contains("byte 2", refused.Message, StringComparison.Ordinal);
    }

    private static InputFileFault Fault(string path) => Assert.Throws<InputFileException>(() => InputFile.OpenRead(path)).Fault;

    private string Write(string name, byte[] content)
    {
        File.WriteAllBytes(_folder.File(name), content);
        return _folder.File(name);
    }
}
