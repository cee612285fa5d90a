using System.Buffers.Binary;
using System.Text;
using LatentSync.Checkpoints.PyTorch;
using LatentSync.Checkpoints.Writing;

namespace LatentSync.Checkpoints.Tests;

public sealed class WriterTests
{
    private static readonly TensorElementType[] AllTypes = Enum.GetValues<TensorElementType>();

    private static readonly long[][] Shapes =
    [
        [],
        [0],
        [1],
        [3],
        [2, 3],
        [2, 0, 4],
        [5, 1, 7],
        [3, 2, 4, 5],
        [1, 1, 1, 1, 2],
    ];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Write_EveryTypeAndShape_IsReadBackUnchanged(bool torch)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("all");
        Dictionary<string, (TensorElementType Type, long[] Shape, byte[] Bytes)> tensors = [];
        Random random = new(3);
        foreach (TensorElementType type in AllTypes)
        {
            foreach (long[] shape in Shapes)
            {
                byte[] bytes = new byte[shape.Aggregate(1L, (a, b) => a * b) * type.SizeInBytes()];
                random.NextBytes(bytes);
                if (type == TensorElementType.Bool)
                {
                    bytes = [.. bytes.Select(b => (byte)(b & 1))];
                }
                tensors.Add($"{type}.{string.Join('x', shape)}", (type, shape, bytes));
            }
        }
        Write(
            path,
            torch,
            tensors.Select(t => new KeyValuePair<string, TensorPayload>(
                t.Key,
                TensorPayload.FromBytes(t.Value.Type, t.Value.Shape, t.Value.Bytes)
            ))
        );

        using TensorArchive archive = TensorArchive.Open(path);
        Assert.Equal(tensors.Count, archive.Tensors.Count);
        foreach ((string name, (TensorElementType type, long[] shape, byte[] bytes)) in tensors)
        {
            TensorInfo info = archive.Tensors[name];
            Assert.Equal(type, info.ElementType);
            Assert.Equal(shape, info.Shape);
            byte[] copy = new byte[bytes.Length];
            archive.CopyTo(name, type, copy);
            Assert.Equal(bytes, copy);
        }
        if (archive is TorchArchive zip)
        {
            Assert.Equal(tensors.Count + 3, zip.VerifyChecksums());
        }
    }

    [Fact]
    public void TorchWriter_Pickle_EqualsPythonsByteForByte()
    {
        (ReadOnlyMemory<byte> pickle, IReadOnlyList<TensorPayload> storages) = PickleEncoder.Encode(Plain());
        Assert.Equal(Fixtures.Bytes("plain.pkl"), pickle.ToArray());
        Assert.Equal(4, storages.Count);
    }

    [Fact]
    public void TorchWriter_NestedDictionary_IsReadBack()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("plain.pt");
        TorchCheckpointWriter.Write(path, Plain());
        using TensorArchive archive = TensorArchive.Open(path);
        Assert.Equal([1f, 2, 3, 4, 5, 6], archive.ReadFloats("state_dict.a.weight"));
        Assert.Equal([1f, 2], archive.ReadFloats("state_dict.a.bias"));
        Assert.Equal("70000", archive.Metadata["global_step"]);
        Assert.Equal("0.5", archive.Metadata["best"]);
        Assert.Equal("1099511627776", archive.Metadata["huge"]);
        Assert.Equal("-1", archive.Metadata["negative"]);
        Assert.Equal("False", archive.Metadata["flag"]);
        Assert.Equal("café", archive.Metadata["note"]);
        Assert.Equal("0.25", archive.Metadata["losses.1"]);
    }

    [Fact]
    public void TorchWriter_ManyEntries_WritesBatchesAndLongMemoIndices()
    {
        using TemporaryFolder folder = new();
        CheckpointDictionary dictionary = [];
        for (int i = 0; i < 2500; i++)
        {
            dictionary.Add($"k{i}", i);
        }
        dictionary.Add("curve", [.. Enumerable.Range(0, 2001).Select(i => (double)i)]);
        TorchCheckpointWriter.Write(folder.File("many.pt"), dictionary);
        using TensorArchive archive = TensorArchive.Open(folder.File("many.pt"));
        Assert.Equal(4501, archive.Metadata.Count);
        Assert.Equal("2499", archive.Metadata["k2499"]);
        Assert.Equal("2000", archive.Metadata["curve.2000"]);
    }

    [Fact]
    public void TorchWriter_Data_BeginsAtMultiplesOf64WithPyTorchsLayout()
    {
        using TemporaryFolder folder = new();
        TorchCheckpointWriter.Write(folder.File("plain.pt"), Plain());
        byte[] content = File.ReadAllBytes(folder.File("plain.pt"));
        List<string> names = [];
        for (int at = 0; BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(at)) == 0x04034B50; )
        {
            int nameLength = BinaryPrimitives.ReadUInt16LittleEndian(content.AsSpan(at + 26));
            int extraLength = BinaryPrimitives.ReadUInt16LittleEndian(content.AsSpan(at + 28));
            int length = BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(at + 18));
            int data = at + 30 + nameLength + extraLength;
            Assert.Equal(0, data % 64);
            Assert.Equal("FB", Encoding.ASCII.GetString(content, at + 30 + nameLength, 2));
            Assert.Equal(Crc32.Append(0, content.AsSpan(data, length)), BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(at + 14)));
            names.Add(Encoding.ASCII.GetString(content, at + 30, nameLength));
            at = data + length;
        }
        Assert.Equal(
            [
                "archive/data.pkl",
                "archive/byteorder",
                "archive/data/0",
                "archive/data/1",
                "archive/data/2",
                "archive/data/3",
                "archive/version",
            ],
            names
        );
    }

    [Fact]
    public void TorchWriter_RuntimesZipReader_AcceptsTheFile()
    {
        using TemporaryFolder folder = new();
        foreach (long limit in new[] { (long)uint.MaxValue, 100, 1 })
        {
            TorchCheckpointWriter.Write(folder.File("plain.pt"), Plain(), limit);
            using System.IO.Compression.ZipArchive zip = System.IO.Compression.ZipFile.OpenRead(folder.File("plain.pt"));
            Assert.Equal(7, zip.Entries.Count);
            using MemoryStream scalar = new();
            using (Stream stream = zip.GetEntry("archive/data/2")!.Open())
            {
                stream.CopyTo(scalar);
            }
            Assert.Equal([7, 0, 0, 0, 0, 0, 0, 0], scalar.ToArray());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(100)]
    [InlineData(1000)]
    public void TorchWriter_LowLimit_WritesZip64RecordsThatAreReadBack(long limit)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("plain.pt");
        TorchCheckpointWriter.Write(path, Plain(), limit);
        Assert.True(File.ReadAllBytes(path).AsSpan().IndexOf("PK\x06\x06"u8) > 0);
        using TorchArchive archive = new(path);
        Assert.Equal([1f, 2, 3, 4, 5, 6], archive.ReadFloats("state_dict.a.weight"));
        Assert.Equal(7, archive.VerifyChecksums());
    }

    [Fact]
    public void SafetensorsWriter_File_HasTheReferencesBytes()
    {
        using TemporaryFolder folder = new();
        SafetensorsWriter.Write(
            folder.File("m"),
            [
                new("b", Fixtures.Payload<byte>(TensorElementType.UInt8, [3], 1, 2, 3)),
                new("c", Fixtures.Payload(TensorElementType.Float32, [1], 1f)),
                new("a", Fixtures.Payload(TensorElementType.Float32, [1, 1], 2f)),
            ],
            new Dictionary<string, string> { ["format"] = "pt" }
        );
        const string Header =
            """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"c":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}""";
        byte[] padded = Encoding.UTF8.GetBytes(Header.PadRight((Header.Length + 7) / 8 * 8));
        Assert.Equal(SafetensorsBytes.Make(padded, [0, 0, 0, 0x40, 0, 0, 0x80, 0x3F, 1, 2, 3]), File.ReadAllBytes(folder.File("m")));
    }

    [Fact]
    public void SafetensorsWriter_UnusualNames_AreReadBack()
    {
        using TemporaryFolder folder = new();
        string[] names = ["", "é \"quoted\" \\ \n", "名前", "a.b.c", "\u0000"];
        SafetensorsWriter.Write(
            folder.File("m"),
            names.Select(n => new KeyValuePair<string, TensorPayload>(n, Fixtures.Payload(TensorElementType.Float32, [1], 1f)))
        );
        using TensorArchive archive = TensorArchive.Open(folder.File("m"));
        Assert.Equal(names.Order(StringComparer.Ordinal), archive.Tensors.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void SafetensorsWriter_NoTensors_IsReadBack()
    {
        using TemporaryFolder folder = new();
        SafetensorsWriter.Write(folder.File("m"), []);
        using TensorArchive archive = TensorArchive.Open(folder.File("m"));
        Assert.Empty(archive.Tensors);
    }

    [Theory]
    [InlineData("a", "a")]
    [InlineData("__metadata__", "b")]
    public void SafetensorsWriter_NameReservedOrTwice_ThrowsArgument(string first, string second)
    {
        using TemporaryFolder folder = new();
        TensorPayload payload = Fixtures.Payload(TensorElementType.Float32, [1], 1f);
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(folder.File("m"), [new(first, payload), new(second, payload)]));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData(true, 3)]
    [InlineData(true, 5)]
    [InlineData(false, 3)]
    [InlineData(false, 5)]
    public void Write_PayloadOfWrongLength_LeavesTheOldFile(bool torch, int produced)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model", [1, 2, 3]);
        TensorPayload wrong = new(TensorElementType.UInt8, [4], stream => stream.Write(new byte[produced]));
        InvalidOperationException thrown = Assert.Throws<InvalidOperationException>(() => Write(path, torch, [new("w", wrong)]));
        Assert.Contains("requires 4", thrown.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Write_PayloadThatThrows_LeavesTheOldFile(bool torch)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model", [1, 2, 3]);
        TensorPayload broken = new(TensorElementType.UInt8, [4], _ => throw new IOException("disk full"));
        Assert.Throws<IOException>(() => Write(path, torch, [new("w", broken)]));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Write_WhileTheOldFileIsOpen_ReplacesIt(bool torch)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows keeps the name of an open file.");
        using TemporaryFolder folder = new();
        string path = folder.File("model");
        Write(path, torch, [new("w", Fixtures.Payload(TensorElementType.Float32, [1], 1f))]);
        using TensorArchive old = TensorArchive.Open(path);
        Write(path, torch, [new("w", Fixtures.Payload(TensorElementType.Float32, [1], 2f))]);
        using TensorArchive replaced = TensorArchive.Open(path);
        Assert.Equal([1f], old.ReadFloats("w"));
        Assert.Equal([2f], replaced.ReadFloats("w"));
    }

    [Fact]
    public void Write_TargetIsAFolder_ThrowsBeforeWriting()
    {
        using TemporaryFolder folder = new();
        Assert.ThrowsAny<IOException>(() => TorchCheckpointWriter.Write(folder.Path, []));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Write_PayloadInPieces_IsNotHeldInMemory()
    {
        using TemporaryFolder folder = new();
        byte[] piece = new byte[64 * 1024];
        TensorPayload large = new(
            TensorElementType.UInt8,
            [1000, 64 * 1024],
            stream =>
            {
                for (int i = 0; i < 1000; i++)
                {
                    piece[0] = (byte)i;
                    stream.Write(piece);
                }
            }
        );
        long before = GC.GetAllocatedBytesForCurrentThread();
        SafetensorsWriter.Write(folder.File("large"), [new("w", large)]);
        TorchCheckpointWriter.Write(folder.File("large.pt"), new() { { "w", large } });
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
    }

    [Fact]
    public void CheckpointDictionary_KeyTwice_ThrowsArgument() =>
        Assert.Throws<ArgumentException>(() => new CheckpointDictionary { { "a", 1 }, { "a", 2.0 } });

    [Fact]
    public void TorchWriter_DictionaryThatContainsItself_ThrowsArgument()
    {
        using TemporaryFolder folder = new();
        CheckpointDictionary dictionary = [];
        dictionary.Add("self", dictionary);
        Assert.Throws<ArgumentException>(() => TorchCheckpointWriter.Write(folder.File("m"), dictionary));
    }

    [Fact]
    public void TensorPayload_ImpossibleShapeOrLength_ThrowsArgument()
    {
        Assert.Throws<ArgumentException>(() => new TensorPayload(TensorElementType.UInt8, [-1], _ => { }));
        Assert.Throws<ArgumentException>(() => new TensorPayload(TensorElementType.UInt8, [1L << 40, 1L << 40], _ => { }));
        Assert.Throws<ArgumentException>(() => new TensorPayload(TensorElementType.UInt8, new long[33], _ => { }));
        Assert.Throws<ArgumentException>(() => TensorPayload.FromBytes(TensorElementType.Float32, [2], new byte[7]));
    }

    [Theory]
    [InlineData("", 0x00000000u)]
    [InlineData("123456789", 0xCBF43926u)] // the check value of CRC-32 in every catalogue
    [InlineData("The quick brown fox jumps over the lazy dog", 0x414FA339u)]
    public void Crc32_KnownTexts_GiveTheKnownValues(string text, uint expected)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        Assert.Equal(expected, Crc32.Append(0, bytes));
        for (int split = 0; split <= bytes.Length; split++)
        {
            Assert.Equal(expected, Crc32.Append(Crc32.Append(0, bytes.AsSpan(0, split)), bytes.AsSpan(split)));
        }
    }

    private static void Write(string path, bool torch, IEnumerable<KeyValuePair<string, TensorPayload>> tensors)
    {
        if (!torch)
        {
            SafetensorsWriter.Write(path, tensors);
            return;
        }
        CheckpointDictionary dictionary = [];
        foreach ((string name, TensorPayload tensor) in tensors)
        {
            dictionary.Add(name, tensor);
        }
        TorchCheckpointWriter.Write(path, dictionary);
    }

    /// <summary>What plain() in Data/make_torch_fixtures.py pickles.</summary>
    private static CheckpointDictionary Plain() =>
        new()
        {
            {
                "state_dict",
                new CheckpointDictionary
                {
                    { "a.weight", Fixtures.Payload(TensorElementType.Float32, [2, 3], 1f, 2, 3, 4, 5, 6) },
                    { "a.bias", Fixtures.Payload(TensorElementType.Float16, [2], (Half)1, (Half)2) },
                    { "scalar", Fixtures.Payload(TensorElementType.Int64, [], 7L) },
                    {
                        "kernel",
                        Fixtures.Payload(TensorElementType.Float32, [5, 5, 3, 4], [.. Enumerable.Range(0, 300).Select(i => (float)i)])
                    },
                }
            },
            { "global_step", 70000 },
            { "best", 0.5 },
            { "small", 3 },
            { "medium", 300 },
            { "huge", 1L << 40 },
            { "negative", -1 },
            { "flag", false },
            { "note", "café" },
            { "losses", [0.5, 0.25] },
            { "one", [1.0] },
            { "none", (double[])[] },
            { "inner", new CheckpointDictionary() },
        };
}
