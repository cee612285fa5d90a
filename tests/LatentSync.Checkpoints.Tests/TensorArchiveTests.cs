using System.Runtime.InteropServices;
using System.Text;

namespace LatentSync.Checkpoints.Tests;

public sealed class TensorArchiveTests
{
    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "Git LFS pointer", "git lfs pull")]
    [InlineData("<!DOCTYPE html><html><body>404</body></html>", "HTML", "Download")]
    [InlineData("\n <?xml version=\"1.0\"?><Error/>", "HTML or XML")]
    [InlineData("{\"metadata\": {}, \"weight_map\": {\"a\": \"b\"}}", "the file b, which the index names, is missing")]
    [InlineData("{ \"_class_name\": \"AutoencoderKL\" }", "JSON")]
    [InlineData("GGUF\u0003\0\0\0", "GGUF")]
    [InlineData("\u0093NUMPY\u0001\0", "NumPy")]
    [InlineData("\u0089HDF\r\n\u001a\n", "HDF5")]
    [InlineData("\u001f\u008b\u0008\0", "compressed")]
    [InlineData("\u0080\u0004}.", "plain Python pickle", "torch.save")]
    [InlineData("\u0080\u0002}q\0.", "plain Python pickle")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0", "zeros only")]
    [InlineData("Hello, world, this is text", "48656C6C6F", "Hello")]
    [InlineData("Hello, w{orld", "neither safetensors nor")]
    [InlineData("x", "neither safetensors nor a PyTorch checkpoint")]
    public void Open_FileOfAnotherKind_IsNamed(string content, params string[] expectedWords) =>
        Refusals.Of(Encoding.Latin1.GetBytes(content), expectedWords);

    [Fact]
    public void Open_TarFile_IsNamed()
    {
        byte[] content = new byte[1024];
        "member"u8.CopyTo(content);
        "ustar"u8.CopyTo(content.AsSpan(257));
        Refusals.Of(content, "tar file");
    }

    [Fact]
    public void Open_EmptyFile_SaysSo() => Refusals.Of([], "empty");

    [Fact]
    public void Open_Folder_SaysSo()
    {
        using TemporaryFolder folder = new();
        Refusals.Of(folder.Path, "folder", "Name the");
    }

    [Fact]
    public void Open_MissingFile_ThrowsFileNotFound()
    {
        using TemporaryFolder folder = new();
        FileNotFoundException missing = Assert.Throws<FileNotFoundException>(() => TensorArchive.Open(folder.File("none.pt")));
        Assert.Contains("none.pt", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_SymbolicLink_OpensItsTarget()
    {
        using TemporaryFolder folder = new();
        SafetensorsWriter.Write(folder.File("blob"), [new("a", Fixtures.Payload(TensorElementType.Float32, [1], 5f))]);
        File.CreateSymbolicLink(folder.File("model.safetensors"), "blob");
        using TensorArchive archive = TensorArchive.Open(folder.File("model.safetensors"));
        Assert.Equal([5f], archive.ReadFloats("a"));
    }

    [Fact]
    public void Open_ExtensionThatLies_GoesByContent()
    {
        using TemporaryFolder folder = new();
        SafetensorsWriter.Write(folder.File("a.pt"), [new("a", Fixtures.Payload(TensorElementType.Float32, [1], 5f))]);
        TorchCheckpointWriter.Write(folder.File("b.safetensors"), new() { { "b", Fixtures.Payload(TensorElementType.Float32, [1], 6f) } });
        using TensorArchive a = TensorArchive.Open(folder.File("a.pt"));
        using TensorArchive b = TensorArchive.Open(folder.File("b.safetensors"));
        Assert.IsType<SafetensorsArchive>(a);
        Assert.IsType<TorchArchive>(b);
        Assert.Throws<CheckpointFormatException>(() => new TorchArchive(folder.File("a.pt")));
        Assert.Throws<CheckpointFormatException>(() => new SafetensorsArchive(folder.File("b.safetensors")));
    }

    [Fact]
    public void CopyTo_UnknownName_ThrowsKeyNotFound()
    {
        using TensorArchive archive = TensorArchive.Open(Fixtures.Path("everything.pt"));
        KeyNotFoundException missing = Assert.Throws<KeyNotFoundException>(() => archive.CopyTo("nowhere", TensorElementType.Float32, []));
        Assert.Contains("\"nowhere\"", missing.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(23)]
    [InlineData(25)]
    [InlineData(0)]
    public void CopyTo_DestinationOfAnotherSize_ThrowsArgument(int length)
    {
        using TensorArchive archive = TensorArchive.Open(Fixtures.Path("everything.pt"));
        ArgumentException wrong = Assert.Throws<ArgumentException>(() =>
            archive.CopyTo("state_dict.grid.weight", TensorElementType.Float32, new byte[length])
        );
        Assert.Contains("takes 24 bytes", wrong.Message, StringComparison.Ordinal);
        Assert.Contains("2 x 3", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CopyTo_FloatToInteger_ThrowsArgument()
    {
        using TensorArchive archive = TensorArchive.Open(Fixtures.Path("everything.pt"));
        ArgumentException lossy = Assert.Throws<ArgumentException>(() =>
            archive.CopyTo("state_dict.grid.weight", TensorElementType.Int32, new byte[24])
        );
        Assert.Contains("Float32, which does not convert to Int32", lossy.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CopyTo_AfterDispose_ThrowsObjectDisposed()
    {
        TensorArchive archive = TensorArchive.Open(Fixtures.Path("everything.pt"));
        archive.Dispose();
        archive.Dispose();
        Assert.Throws<ObjectDisposedException>(() => archive.CopyTo("state_dict.grid.weight", TensorElementType.Float32, new byte[24]));
    }

    [Fact]
    public void CopyTo_FileTruncatedSinceOpened_ThrowsFormatException()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("model.safetensors");
        SafetensorsWriter.Write(path, [new("a", TensorPayload.FromBytes(TensorElementType.UInt8, [100_000], new byte[100_000]))]);
        using TensorArchive archive = TensorArchive.Open(path);
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not let an open file be truncated.");
        using (
            Microsoft.Win32.SafeHandles.SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)
        )
        {
            RandomAccess.SetLength(handle, 50_000);
        }
        CheckpointFormatException truncated = Assert.Throws<CheckpointFormatException>(() =>
            archive.CopyTo("a", TensorElementType.UInt8, new byte[100_000])
        );
        Assert.Contains("ends at byte 50000", truncated.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CopyManyTo_ManyTensorsInParallel_EqualsOneByOne()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("many.safetensors");
        const int Count = 200;
        SafetensorsWriter.Write(
            path,
            Enumerable
                .Range(0, Count)
                .Select(i => new KeyValuePair<string, TensorPayload>(
                    $"t{i}",
                    Fixtures.Payload(
                        TensorElementType.Float32,
                        [1000 + i],
                        [.. Enumerable.Range(0, 1000 + i).Select(j => (float)((i * 7) + j))]
                    )
                ))
        );
        using TensorArchive archive = TensorArchive.Open(path);
        Dictionary<string, ushort[]> copies = archive.Tensors.Values.ToDictionary(t => t.Name, t => new ushort[t.ElementCount]);
        archive.CopyManyTo(
            archive.Tensors.Keys,
            TensorElementType.BFloat16,
            t => MemoryMarshal.AsBytes(copies[t.Name].AsSpan()),
            maxDegreeOfParallelism: 8
        );
        Assert.All(copies, copy => Assert.Equal(archive.Read<ushort>(copy.Key, TensorElementType.BFloat16), copy.Value));
        Assert.Equal(0x43C8, copies["t0"][400]); // 400 = 1.5625 x 2^8
    }

    [Fact]
    public void CopyManyTo_OneFails_ThrowsItsException()
    {
        using TensorArchive archive = TensorArchive.Open(Fixtures.Path("everything.pt"));
        Assert.Throws<KeyNotFoundException>(() => archive.CopyManyTo(["nowhere"], TensorElementType.Float32, t => new byte[1]));
        Assert.Throws<ArgumentException>(() => archive.CopyManyTo(["state_dict.half"], TensorElementType.Float32, t => new byte[1]));
    }

    [Fact]
    public void CopyManyTo_Cancelled_Stops()
    {
        using TensorArchive archive = TensorArchive.Open(Fixtures.Path("everything.pt"));
        Assert.Throws<OperationCanceledException>(() =>
            archive.CopyManyTo(
                ["state_dict.half"],
                TensorElementType.Float32,
                t => new byte[12],
                cancellationToken: new CancellationToken(true)
            )
        );
    }
}
