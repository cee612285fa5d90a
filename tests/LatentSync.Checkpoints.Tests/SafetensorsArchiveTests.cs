using System.Buffers.Binary;
using System.Text;

namespace LatentSync.Checkpoints.Tests;

public sealed class SafetensorsArchiveTests
{
    private const string Small = """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""";

    [Fact]
    public void Open_HandMadeFile_GivesNamesShapesAndElements()
    {
        const string Header =
            """{"__metadata__":{"format":"pt","note":"é"},"b":{"dtype":"I64","shape":[],"data_offsets":[8,16]},"a.weight":{"shape":[1,2],"dtype":"F32","data_offsets":[0,8]},"z":{"dtype":"F16","shape":[0,3],"data_offsets":[16,16]}}   """;
        byte[] data = [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 42, 0, 0, 0, 0, 0, 0, 0];
        using TemporaryFolder folder = new();
        using TensorArchive archive = TensorArchive.Open(folder.Write("m", SafetensorsBytes.Make(Encoding.UTF8.GetBytes(Header), data)));
        Assert.Equal(["b", "a.weight", "z"], archive.Tensors.Keys);
        Assert.Equal([1L, 2], archive.Tensors["a.weight"].Shape);
        Assert.Equal(TensorElementType.Int64, archive.Tensors["b"].ElementType);
        Assert.Equal(1, archive.Tensors["b"].ElementCount);
        Assert.Equal([1f, -2f], archive.ReadFloats("a.weight"));
        Assert.Equal([42L], archive.Read<long>("b", TensorElementType.Int64));
        Assert.Empty(archive.ReadFloats("z"));
        Assert.Equal("pt", archive.Metadata["format"]);
        Assert.Equal("é", archive.Metadata["note"]);
    }

    [Theory]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""",
        16,
        "\"a\"",
        "twice"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""",
        12,
        "\"b\"",
        "begins at byte 4, before the end of \"a\" (8)"
    )]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}""",
        20,
        "\"b\"",
        "begins at byte 12, after the end of \"a\" (8)"
    )]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "\"a\"", "after the start of the data section (0)")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""",
        8,
        "\"b\"",
        "before the end of"
    )]
    [InlineData(Small, 4, "\"a\"", "ends at byte 8 of the data section, which has 4")]
    [InlineData(Small, 9, "1 bytes follow the last tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "\"a\"", "takes 8 bytes", "-8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "\"a\"", "(3) of Float32 takes 12 bytes", "give 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807]}}""", 8, "\"a\"", "9223372036854775807")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "\"a\"", "exceeds 64 bits")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[2305843009213693952],"data_offsets":[0,2305843009213693952]}}""",
        8,
        "\"a\"",
        "exceeds 64 bits"
    )]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[1152921504606846975],"data_offsets":[0,1152921504606846975]}}""",
        8,
        "\"a\"",
        "ends at byte 1152921504606846975"
    )]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "\"a\"", "shape must be a list of whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", 8, "\"a\"", "shape must be")]
    [InlineData("""{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}""", 8, "\"a\"", "shape must be")]
    [InlineData("""{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}""", 8, "\"a\"", "shape must be a JSON array")]
    [InlineData("""{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}""", 8, "\"a\"", "shape must be")]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}""",
        8,
        "\"a\"",
        "more than 32 numbers"
    )]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", 8, "\"a\"", "two data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}""", 8, "\"a\"", "more than 2 numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, "\"a\"", "must have dtype, shape and two data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "\"a\"", "dtype twice")]
    [InlineData("""{"a":{"dtype":7,"shape":[2],"data_offsets":[0,8]}}""", 8, "\"a\"", "dtype must be a JSON string")]
    [InlineData(
        """{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}""",
        8,
        "\"a\"",
        "\"F8_E4M3\" is not read here",
        "unquantised"
    )]
    [InlineData("""{"a":{"dtype":"U64","shape":[1],"data_offsets":[0,8]}}""", 8, "\"U64\" is not read here")]
    [InlineData("""{"a":[1,2]}""", 8, "\"a\"", "must be a JSON object")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "__metadata__ entry \"a\" must be a JSON string")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", 0, "lists \"a\" twice")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", 0, "twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""", 8, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} x""", 8, "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":[[[[[[[[[[1]]]]]]]]]]}}""", 8, "not valid JSON")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "not valid JSON")]
    public void Open_DamagedHeader_IsRefusedByName(string header, int dataLength, params string[] expectedWords) =>
        Refusals.Of(SafetensorsBytes.Make(header, dataLength), expectedWords);

    [Fact]
    public void Open_HeaderNotUtf8_IsRefused() =>
        Refusals.Of(SafetensorsBytes.Make([(byte)'{', (byte)'"', 0xFF, (byte)'"', (byte)'}'], []), "UTF-8");

    [Fact]
    public void Open_NameWithControlCharacters_IsEscapedInTheMessage()
    {
        CheckpointFormatException refusal = Refusals.Of(SafetensorsBytes.Make("{\"a\\u001b[31m\\n" + new string('x', 200) + "\":[]}"));
        Assert.Contains("\\u001b[31m\\u000a", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
        Assert.Contains("...", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_NameTooLong_IsRefused() =>
        Refusals.Of(SafetensorsBytes.Make("{\"" + new string('x', 5000) + "\":[]}"), "5000 characters");

    [Theory]
    [InlineData(100_000_001UL, "at most 100000000")]
    [InlineData(1UL << 60, "1152921504606846976")]
    [InlineData(ulong.MaxValue, "18446744073709551615")]
    [InlineData(99_999_999UL, "only 10 follow")]
    public void Open_HeaderLengthBomb_IsRefusedWithoutAllocating(ulong claimed, string expected)
    {
        byte[] file = new byte[18];
        BinaryPrimitives.WriteUInt64LittleEndian(file, claimed);
        file[8] = (byte)'{';
        using TemporaryFolder folder = new();
        string path = folder.Write("bomb.safetensors", file);
        Refusals.Of(path, expected);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<CheckpointFormatException>(() => TensorArchive.Open(path));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024);
    }

    [Fact]
    public void Open_TensorSizeBomb_IsRefusedWithoutAllocating()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write(
            "bomb",
            SafetensorsBytes.Make("""{"a":{"dtype":"U8","shape":[1152921504606846975],"data_offsets":[0,1152921504606846975]}}""")
        );
        Refusals.Of(path);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<CheckpointFormatException>(() => TensorArchive.Open(path));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024);
    }

    [Fact]
    public void Open_TruncatedAnywhere_IsRefused()
    {
        using TemporaryFolder folder = new();
        byte[] whole = SafetensorsBytes.Make(
            """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}""",
            11
        );
        for (int length = 1; length < whole.Length; length++)
        {
            Assert.False(Refusals.OpensOrIsRefused(folder.Write("cut", whole[..length])), $"accepted at {length} of {whole.Length} bytes");
        }
        Assert.True(Refusals.OpensOrIsRefused(folder.Write("cut", whole)));
    }

    [Fact]
    public void Open_TensorBeyondTwoGigabytes_IsReadFromItsPlace()
    {
        // A sparse file: 5 GiB long, a few kilobytes on the disk.
        const long Gap = 5L << 30;
        string header =
            $$$"""{"gap":{"dtype":"U8","shape":[{{{Gap}}}],"data_offsets":[0,{{{Gap}}}]},"far":{"dtype":"F32","shape":[2],"data_offsets":[{{{Gap}}},{{{Gap + 8}}}]}}""";
        using TemporaryFolder folder = new();
        string path = folder.Write("large", SafetensorsBytes.Make(header));
        LargeFile.Extend(path, Gap);
        using (FileStream stream = new(path, FileMode.Append))
        {
            stream.Write([0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]);
        }
        using TensorArchive archive = TensorArchive.Open(path);
        Assert.Equal(Gap, archive.Tensors["gap"].ElementCount);
        Assert.Equal([1f, -2f], archive.ReadFloats("far"));
        Assert.Throws<ArgumentException>(() => archive.CopyTo("gap", TensorElementType.UInt8, new byte[16]));
    }
}
