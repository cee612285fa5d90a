using System.Text;
using static LatentSync.Checkpoints.Tests.PickleBytes;

namespace LatentSync.Checkpoints.Tests;

public sealed class TorchArchiveTests
{
    private static readonly byte[] FourFloats = [0, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40];

    [Theory]
    [InlineData("everything.pt")]
    [InlineData("everything_protocol4.pt")]
    [InlineData("everything_streamed.pt")]
    [InlineData("everything_legacy.pt")]
    public void Open_FileOfPythonsPickler_GivesEveryTensorAndValue(string name)
    {
        using TensorArchive archive = TensorArchive.Open(Fixtures.Path(name));
        Assert.IsType<TorchArchive>(archive);
        Assert.Equal(
            [
                "state_dict.grid.weight",
                "state_dict.grid.transposed",
                "state_dict.grid.tail",
                "state_dict.grid.expanded",
                "state_dict.half",
                "state_dict.brain",
                "state_dict.count",
                "state_dict.mask",
                "state_dict.empty",
                "state_dict.parameter",
                "state_dict.subclassed",
                "state_dict.reinterpreted",
            ],
            archive.Tensors.Keys
        );

        Assert.Equal([2L, 3], archive.Tensors["state_dict.grid.weight"].Shape);
        Assert.Equal([0f, 1, 2, 3, 4, 5], archive.ReadFloats("state_dict.grid.weight"));
        Assert.Equal([3L, 2], archive.Tensors["state_dict.grid.transposed"].Shape);
        Assert.Equal([0f, 3, 1, 4, 2, 5], archive.ReadFloats("state_dict.grid.transposed"));
        Assert.Equal([6f, 7], archive.ReadFloats("state_dict.grid.tail"));
        Assert.Equal([1f, 2, 3, 1, 2, 3], archive.ReadFloats("state_dict.grid.expanded"));
        Assert.Equal(TensorElementType.Float16, archive.Tensors["state_dict.half"].ElementType);
        Assert.Equal([1f, -2, 0.5f], archive.ReadFloats("state_dict.half"));
        Assert.Equal(TensorElementType.BFloat16, archive.Tensors["state_dict.brain"].ElementType);
        Assert.Equal([1f, -2], archive.ReadFloats("state_dict.brain"));
        Assert.Empty(archive.Tensors["state_dict.count"].Shape);
        Assert.Equal([1L << 40], archive.Read<long>("state_dict.count", TensorElementType.Int64));
        Assert.Equal([true, false], archive.Read<bool>("state_dict.mask", TensorElementType.Bool));
        Assert.Empty(archive.ReadFloats("state_dict.empty"));
        Assert.Equal([0.25f], archive.ReadFloats("state_dict.parameter"));
        Assert.Equal([0.75f], archive.ReadFloats("state_dict.subclassed"));
        Assert.Equal([1.5f, 2.5f], archive.ReadFloats("state_dict.reinterpreted"));

        Dictionary<string, string> expected = new()
        {
            ["global_step"] = "10000",
            ["dims.n_mels"] = "80",
            ["dims.n_vocab"] = "51865",
            ["losses.0"] = "0.5",
            ["losses.1"] = "0.25",
            ["losses.2"] = "inf",
            ["name"] = "stage 2 é",
            ["big"] = "1180591620717411303424",
            ["negative"] = "-5",
            ["flag"] = "True",
            ["nothing"] = "None",
            ["size.0"] = "1",
            ["size.1"] = "2",
            ["raw"] = "\0ÿ",
            ["dtype"] = "torch.float16",
            ["device"] = "cpu",
            ["3"] = "three",
        };
        Assert.Equal(expected.OrderBy(e => e.Key, StringComparer.Ordinal), archive.Metadata.OrderBy(e => e.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void CopyTo_ViewConverted_EqualsTheContiguousCopy()
    {
        using TensorArchive archive = TensorArchive.Open(Fixtures.Path("everything.pt"));
        Assert.Equal(
            [0x0000, 0x4200, 0x3C00, 0x4400, 0x4000, 0x4500],
            archive.Read<ushort>("state_dict.grid.transposed", TensorElementType.Float16).Select(h => (int)h)
        );
    }

    [Fact]
    public void CopyTo_RandomPermutedAndSlicedViews_EqualDirectIndexing()
    {
        // One storage, larger than the largest window, seen through random permutations, slices, steps and expansions.
        const int Length = 300_000;
        Random random = new(7);
        byte[] storage = new byte[Length * 4];
        float[] values = [.. Enumerable.Range(0, Length).Select(i => (float)i)];
        Buffer.BlockCopy(values, 0, storage, 0, storage.Length);
        List<object> pickle = ["}("];
        List<(string Name, long Offset, long[] Shape, long[] Strides)> views =
        [
            ("long_transposed", 0, [500, 600], [1, 500]),
            ("jumping", 3, [3, 50], [1, 5000]),
        ];
        for (int i = 0; i < 60; i++)
        {
            int rank = random.Next(1, 5);
            long[] sizes = [.. Enumerable.Range(0, rank).Select(_ => random.NextInt64(1, 12))];
            long[] strides = new long[rank];
            long stride = random.NextInt64(1, 20);
            foreach (int axis in Enumerable.Range(0, rank).OrderBy(_ => random.Next()))
            {
                strides[axis] = random.Next(6) == 0 ? 0 : stride;
                stride *= sizes[axis] + random.Next(2);
            }
            long reach = sizes.Zip(strides, (n, s) => (n - 1) * s).Sum();
            if (reach < Length)
            {
                views.Add(($"v{i}", random.NextInt64(Length - reach), sizes, strides));
            }
        }
        byte[] persistent =
        [
            .. new object[]
            {
                "(",
                Text("storage"),
                Global("torch", "FloatStorage"),
                Text("0"),
                Text("cpu"),
                "J",
                UInt32(Length),
                "tQ",
            }.SelectMany(Bytes),
        ];
        foreach ((string name, long offset, long[] shape, long[] strides) in views)
        {
            pickle.AddRange([Text(name), Tensor(persistent, Ints([offset])[1..^1], Ints(shape), Ints(strides))]);
        }
        pickle.Add("u");

        using TemporaryFolder folder = new();
        using TensorArchive archive = TensorArchive.Open(folder.Write("views.pt", InArchive(Make([.. pickle]), ("0", storage))));
        Assert.True(views.Count > 30);
        foreach ((string name, long offset, long[] shape, long[] strides) in views)
        {
            Assert.Equal(Index(offset, shape, strides), archive.ReadFloats(name));
        }

        static byte[] Ints(long[] numbers) => [(byte)'(', .. numbers.SelectMany(n => (byte[])[(byte)'J', .. UInt32((uint)n)]), (byte)'t'];

        static float[] Index(long offset, long[] shape, long[] strides)
        {
            IEnumerable<long> indices = [offset];
            for (int axis = 0; axis < shape.Length; axis++)
            {
                int current = axis;
                indices = indices.SelectMany(start => Enumerable.Range(0, (int)shape[current]).Select(i => start + (i * strides[current])));
            }
            return [.. indices.Select(i => (float)i)];
        }
    }

    [Fact]
    public void Open_BareTensor_IsCalledTensor()
    {
        using TemporaryFolder folder = new();
        byte[] pickle = Make(Tensor(Storage("0", 4), "K\0", Tuple(2, 2), Tuple(2, 1)));
        using TensorArchive archive = TensorArchive.Open(folder.Write("t.pt", InArchive(pickle, ("0", FourFloats))));
        Assert.Equal([0f, 1, 2, 3], archive.ReadFloats("tensor"));
    }

    [Fact]
    public void Open_OldRebuildFunction_IsRead()
    {
        using TemporaryFolder folder = new();
        byte[] pickle = Make(
            "}",
            Text("w"),
            Global("torch._utils", "_rebuild_tensor"),
            "(",
            Storage("0", 4),
            "K\u0001",
            Tuple(3),
            Tuple(1),
            "tRs"
        );
        using TensorArchive archive = TensorArchive.Open(folder.Write("t.pt", InArchive(pickle, ("0", FourFloats))));
        Assert.Equal([1f, 2, 3], archive.ReadFloats("w"));
    }

    [Theory]
    [InlineData(new byte[] { 5 }, new byte[] { 1 }, 0, "reaches beyond its storage \"0\" of 4 elements")]
    [InlineData(new byte[] { 4 }, new byte[] { 1 }, 1, "reaches beyond its storage")]
    [InlineData(new byte[] { 2, 2 }, new byte[] { 3, 1 }, 0, "reaches beyond its storage")]
    [InlineData(new byte[] { 0 }, new byte[] { 1 }, 5, "reaches beyond its storage")]
    [InlineData(new byte[] { 2, 2 }, new byte[] { 1 }, 0, "2 sizes and 1 strides")]
    [InlineData(new byte[] { 255, 255, 255 }, new byte[] { 0, 0, 0 }, 0, "repeats the 4 elements")]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 255 }, new byte[] { 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 0, "exceeds 64 bits")]
    public void Open_ViewThatDoesNotFitItsStorage_IsRefused(byte[] shape, byte[] strides, int offset, string expected)
    {
        byte[] pickle = Make(
            "}",
            Text("layer.weight"),
            Tensor(Storage("0", 4), new byte[] { (byte)'K', (byte)offset }, Tuple(shape), Tuple(strides)),
            "s"
        );
        CheckpointFormatException refusal = Refusals.Of(InArchive(pickle, ("0", FourFloats)), expected);
        if (refusal.TensorName is not null)
        {
            Assert.Equal("layer.weight", refusal.TensorName);
        }
    }

    [Theory]
    [InlineData("J\u00ff\u00ff\u00ff\u00ff", "offset is -1")]
    [InlineData("X\u0001\0\0\0a", "arguments that it does not take")]
    [InlineData("\u008a\u0009\0\0\0\0\0\0\0\0\u0001", "arguments that it does not take")]
    public void Open_OffsetThatIsNone_IsRefused(string offset, string expected) =>
        Refusals.Of(InArchive(Make("}", Text("w"), Tensor(Storage("0", 4), offset, Tuple(1), Tuple(1)), "s"), ("0", FourFloats)), expected);

    [Theory]
    [InlineData("(J\u00ff\u00ff\u00ff\u00fft", "(K\u0001t", "size is -1")]
    [InlineData("(K\u0001t", "(J\u00fe\u00ff\u00ff\u00fft", "stride is -2")]
    [InlineData("(Nt", "(K\u0001t", "size is None")]
    [InlineData("(\u008a\u0009\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u0001t", "(K\u0001t", "size is an integer")]
    public void Open_SizeOrStrideThatIsNone_IsRefused(string size, string stride, string expected) =>
        Refusals.Of(InArchive(Make("}", Text("w"), Tensor(Storage("0", 4), "K\0", size, stride), "s"), ("0", FourFloats)), expected);

    [Fact]
    public void Open_StrideNearTheEndOfTheNumbers_IsRefused()
    {
        const string Largest = "\u008a\u0008\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f";
        string size = "(" + string.Concat(Enumerable.Repeat("K\u0002", 31)) + "t";
        string stride = "(" + string.Concat(Enumerable.Repeat(Largest, 31)) + "t";
        Refusals.Of(
            InArchive(Make("}", Text("w"), Tensor(Storage("0", 4), "K\0", size, stride), "s"), ("0", FourFloats)),
            "reaches beyond its storage"
        );
    }

    [Fact]
    public void Open_StorageMissing_IsRefused() =>
        Refusals.Of(
            InArchive(Make("}", Text("w"), Tensor(Storage("1", 4), "K\0", Tuple(4), Tuple(1)), "s"), ("0", FourFloats)),
            "\"w\"",
            "storage \"1\" is not in the file"
        );

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void Open_StorageOfAnotherLength_IsRefused(byte count) =>
        Refusals.Of(
            InArchive(Make("}", Text("w"), Tensor(Storage("0", count), "K\0", Tuple(1), Tuple(1)), "s"), ("0", FourFloats)),
            "\"w\"",
            "has 16 bytes",
            $"{4 * count}"
        );

    [Theory]
    [InlineData("QInt8Storage", "a quantised tensor")]
    [InlineData("ComplexFloatStorage", "a complex tensor")]
    [InlineData("NoSuchStorage", "torch.NoSuchStorage")]
    public void Open_StorageOfAnotherKind_IsNamed(string type, string expected) =>
        Refusals.Of(
            InArchive(Make("}", Text("w"), Tensor(Storage("0", 4, type), "K\0", Tuple(1), Tuple(1)), "s"), ("0", FourFloats)),
            expected
        );

    [Theory]
    [InlineData("_rebuild_sparse_tensor", "a sparse tensor")]
    [InlineData("_rebuild_qtensor", "a quantised tensor")]
    [InlineData("_rebuild_meta_tensor_no_storage", "a meta tensor")]
    public void Open_TensorOfAnotherKind_IsNamed(string function, string expected) =>
        Refusals.Of(InArchive(Make(Global("torch._utils", function), ")R")), expected, function);

    [Fact]
    public void Open_BigEndian_IsRefused() =>
        Refusals.Of(new ZipBytes { { "m/data.pkl", Make("}") }, { "m/byteorder", "big"u8.ToArray() } }.Build(), "big-endian");

    [Fact]
    public void Open_TorchScript_IsNamed() =>
        Refusals.Of(new ZipBytes { { "m/data.pkl", Make("}") }, { "m/constants.pkl", Make(")") } }.Build(), "TorchScript");

    [Fact]
    public void Open_NumPyArchive_IsNamed() => Refusals.Of(new ZipBytes { { "weights.npy", [1] } }.Build(), "NumPy arrays");

    [Fact]
    public void Open_ZipOfSomethingElse_IsRefused() =>
        Refusals.Of(new ZipBytes { { "word/document.xml", [1] } }.Build(), "one folder that holds data.pkl", "none");

    [Fact]
    public void Open_TwoPickles_IsRefused() =>
        Refusals.Of(new ZipBytes { { "a/data.pkl", Make("}") }, { "b/data.pkl", Make("}") } }.Build(), "2 of them");

    [Fact]
    public void Open_CompressedPickle_SaysHowToRepack() =>
        Refusals.Of(
            new ZipBytes
            {
                new ZipBytes.Entry
                {
                    Name = "a/data.pkl",
                    Data = [1, 2, 3],
                    Method = 8,
                    Length = 10,
                },
            }.Build(),
            "compressed (method 8)",
            "without compression"
        );

    [Fact]
    public void Open_CompressedStorage_SaysHowToRepack()
    {
        byte[] pickle = Make("}", Text("w"), Tensor(Storage("0", 4), "K\0", Tuple(4), Tuple(1)), "s");
        Refusals.Of(
            new ZipBytes
            {
                { "a/data.pkl", pickle },
                new ZipBytes.Entry
                {
                    Name = "a/data/0",
                    Data = FourFloats,
                    Method = 8,
                },
            }.Build(),
            "a/data/0",
            "compressed"
        );
    }

    [Fact]
    public void VerifyChecksums_IntactFile_CountsItsParts()
    {
        using TorchArchive zip = new(Fixtures.Path("everything.pt"));
        Assert.Equal(13, zip.VerifyChecksums());
        using TorchArchive legacy = new(Fixtures.Path("everything_legacy.pt"));
        Assert.Equal(0, legacy.VerifyChecksums());
    }

    [Fact]
    public void VerifyChecksums_OneBitFlippedInATensor_NamesThePart()
    {
        byte[] content = Fixtures.Bytes("everything.pt");
        int at = content.AsSpan().IndexOf("everything/data/0"u8) + 17;
        content[at] ^= 1;
        using TemporaryFolder folder = new();
        using TorchArchive archive = new(folder.Write("flipped.pt", content));
        CheckpointFormatException damaged = Assert.Throws<CheckpointFormatException>(() => archive.VerifyChecksums());
        Assert.Contains("everything/data/0", damaged.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("everything.pt")]
    [InlineData("everything_legacy.pt")]
    public void Open_TruncatedAnywhere_IsRefused(string name)
    {
        using TemporaryFolder folder = new();
        byte[] whole = Fixtures.Bytes(name);
        for (int length = 1; length < whole.Length; length++)
        {
            Assert.False(Refusals.OpensOrIsRefused(folder.Write("cut", whole[..length])), $"accepted at {length} of {whole.Length} bytes");
        }
        Assert.True(Refusals.OpensOrIsRefused(folder.Write("cut", whole)));
    }

    [Theory]
    [InlineData("little_endian\u0071\u0002\u0088", "little_endian\u0071\u0002\u0089", "big-endian")]
    [InlineData("\u0080\u0002M\u00e9\u0003.", "\u0080\u0002M\u00e8\u0003.", "version is not 1001")]
    public void Open_LegacyFileOfAnotherMachineOrVersion_IsRefused(string original, string changed, string expected)
    {
        string content = Encoding.Latin1.GetString(Fixtures.Bytes("everything_legacy.pt"));
        Assert.Contains(original, content, StringComparison.Ordinal);
        Refusals.Of(Encoding.Latin1.GetBytes(content.Replace(original, changed, StringComparison.Ordinal)), expected);
    }

    [Fact]
    public async Task CopyTo_FromManyThreads_GivesEachItsTensor()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("many.pt");
        CheckpointDictionary tensors = [];
        for (int i = 0; i < 16; i++)
        {
            tensors.Add($"t{i}", Fixtures.Payload(TensorElementType.Float32, [50_000], [.. Enumerable.Repeat((float)i, 50_000)]));
        }
        TorchCheckpointWriter.Write(path, tensors);
        using TensorArchive archive = TensorArchive.Open(path);
        await Task.WhenAll(
            Enumerable.Range(0, 32).Select(i => Task.Run(() => Assert.All(archive.ReadFloats($"t{i % 16}"), x => Assert.Equal(i % 16, x))))
        );
    }
}
