using System.Numerics;
using System.Text;
using LatentSync.Checkpoints.PyTorch;
using static LatentSync.Checkpoints.Tests.PickleBytes;

namespace LatentSync.Checkpoints.Tests;

public sealed class PickleMachineTests
{
    public static TheoryData<string, string> Malicious =>
        new()
        {
            { "cos\nsystem\n(X\u0004\0\0\0exittR", "os.system" },
            { "cposix\nsystem\n(X\u0004\0\0\0exittR", "posix.system" },
            { "cbuiltins\neval\n(X\u0003\0\0\01+1tR", "builtins.eval" },
            { "c__builtin__\nexec\n(X\u0003\0\0\01+1tR", "__builtin__.exec" },
            { "csubprocess\nPopen\n)R", "subprocess.Popen" },
            { "ctorch\nload\n)R", "torch.load" },
            { "ctorch.hub\nload\n)R", "torch.hub.load" },
            { "ctorch._utils\n_rebuild_tensor_v2.__globals__\n)R", "torch._utils._rebuild_tensor_v2.__globals__" },
            { "ccollections\nOrderedDict.update\n)R", "collections.OrderedDict.update" },
            { "cnumpy.core.multiarray\n_reconstruct\n)R", "numpy.core.multiarray._reconstruct" },
            { "cargparse\nNamespace\n)\u0081}b", "argparse.Namespace" },
            { "X\u0002\0\0\0osX\u0006\0\0\0system\u0093)R", "os.system" },
            { "(X\u0004\0\0\0exitios\nsystem\n", "INST" },
            { "(cos\nsystem\nX\u0004\0\0\0exito", "os.system" },
            { "(ccollections\nOrderedDict\no", "OBJ" },
            { "ccollections\nOrderedDict\n)\u0081", "NEWOBJ" },
            { "ccollections\nOrderedDict\n)}\u0092", "NEWOBJ_EX" },
            { "\u0082\u0001", "EXT" },
            { "\u008f", "sets" },
            { "\u0097", "out-of-band" },
            { "I1\n", "0x49" },
            { "Pabc\n", "PERSID" },
            { "ccollections\nOrderedDict\n(}}tR", "collections.OrderedDict with arguments" },
            { "ctorch\nSize\n(X\u0001\0\0\0atR", "torch.Size with arguments" },
            { "ctorch\nSize\n]R", "calls torch.Size with a list" },
            { "ctorch\nfloat16\n)R", "calls torch.float16" },
            { "ctorch\nFloatStorage\n)R", "calls torch.FloatStorage" },
            { "X\u0001\0\0\0a)R", "calls the string \"a\"" },
            { "}}R", "calls a dictionary" },
            { "ctorch\nSize\n}b", "sets attributes of torch.Size" },
            { "]}b", "sets attributes of a list" },
            { "K\u0001Q", "refers to an integer outside" },
            { "(X\u0006\0\0\0moduleK\u0001tQ", "refers to a tuple of 2 outside" },
            {
                "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nctorch\nTensor\n)}tR",
                "_rebuild_from_type_v2 with arguments"
            },
            { "c_codecs\nencode\n(X\u0001\0\0\0aX\u0005\0\0\0utf-8tR", "_codecs.encode with arguments" },
        };

    [Theory]
    [MemberData(nameof(Malicious))]
    public void Run_AnythingButTensorRebuilding_IsRefusedByName(string body, string expected)
    {
        CheckpointFormatException refusal = Assert.Throws<CheckpointFormatException>(() => Run(Make(body)));
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);

        // The same inside a whole file.
        Refusals.Of(InArchive(Make(body)), expected);
    }

    [Fact]
    public void Run_ForeignName_SaysThatNothingWasExecuted()
    {
        CheckpointFormatException refusal = Assert.Throws<CheckpointFormatException>(() => Run(Make("cos\nsystem\n")));
        Assert.Contains("nothing was executed", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("state_dict()", refusal.Remedy?.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 0x80, 1, (byte)'}', (byte)'.' }, "protocol 1")]
    [InlineData(new byte[] { 0x80, 6, (byte)'}', (byte)'.' }, "protocol 6")]
    [InlineData(new byte[] { (byte)'(', (byte)'d', (byte)'.' }, "begins with byte 0x80")]
    [InlineData(new byte[] { 0x80, 2 }, "ends too early")]
    [InlineData(new byte[] { 0x80, 2, (byte)'}' }, "ends too early")]
    [InlineData(new byte[] { 0x80, 2, (byte)'.' }, "0 values on its stack")]
    [InlineData(new byte[] { 0x80, 2, (byte)'N', (byte)'N', (byte)'.' }, "2 values on its stack")]
    [InlineData(new byte[] { 0x80, 2, (byte)'N', (byte)'(', (byte)'.' }, "1 values on its stack")]
    [InlineData(new byte[] { 0x80, 2, (byte)'t', (byte)'.' }, "without a mark")]
    [InlineData(new byte[] { 0x80, 2, (byte)'0', (byte)'.' }, "more values from its stack")]
    [InlineData(new byte[] { 0x80, 2, (byte)'N', (byte)'(', 0x85, (byte)'.' }, "more values from its stack")]
    [InlineData(new byte[] { 0x80, 2, (byte)'N', (byte)'(', (byte)'2', (byte)'.' }, "more values from its stack")]
    [InlineData(new byte[] { 0x80, 2, (byte)'h', 5, (byte)'.' }, "value 5, which it has not defined")]
    [InlineData(new byte[] { 0x80, 2, (byte)'N', (byte)'N', (byte)'a', (byte)'.' }, "appends to None")]
    [InlineData(new byte[] { 0x80, 2, (byte)']', (byte)'N', (byte)'N', (byte)'s', (byte)'.' }, "into a list")]
    [InlineData(new byte[] { 0x80, 2, (byte)'}', (byte)'(', (byte)'N', (byte)'u', (byte)'.' }, "puts 1 keys and values")]
    [InlineData(new byte[] { 0x80, 2, (byte)'N', (byte)'N', 0x93, (byte)'.' }, "two strings")]
    [InlineData(new byte[] { 0x80, 2, (byte)'U', 1, 0xFF, (byte)'.' }, "UTF-8")]
    public void Run_MalformedPickle_IsRefused(byte[] pickle, string expected)
    {
        CheckpointFormatException refusal = Assert.Throws<CheckpointFormatException>(() => Run(pickle));
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_EveryScalarInstruction_GivesItsValue()
    {
        object?[] values = Assert
            .IsType<PickleTuple>(
                Run(
                    Make(
                        "(N\u0088\u0089K\u00ffM\u00ff\u00ffJ\u00fe\u00ff\u00ff\u00ff",
                        "\u008a\u0000",
                        "\u008a\u0001\u00ff",
                        "\u008a\u0009\0\0\0\0\0\0\0\0\u0001",
                        "\u008b\u0002\0\0\0\0\u0001",
                        "G?\u00f0\0\0\0\0\0\0",
                        "U\u0002ab",
                        "T\u0002\0\0\0cd",
                        Text("é"),
                        "\u008c\u0002ef",
                        "\u008d\u0002\0\0\0\0\0\0\0gh",
                        "C\u0002\u0000\u00ff",
                        "B\u0001\0\0\0\u0001",
                        "\u008e\u0001\0\0\0\0\0\0\0\u0002",
                        ")N\u0085NN\u0086NNN\u0087(NNt",
                        "N0",
                        "t"
                    )
                )
            )
            .Items;
        Assert.Equal(
            [null, true, false, 255L, 65535L, -2L, 0L, -1L, BigInteger.One << 64, 256L, 1.0, "ab", "cd", "é", "ef", "gh"],
            values[..16]
        );
        Assert.Equal(
            [
                [0, 255],
                [1],
                [2],
            ],
            values[16..19].Select(v => Assert.IsType<byte[]>(v))
        );
        Assert.Equal([0, 1, 2, 3, 2], values[19..24].Select(v => Assert.IsType<PickleTuple>(v).Items.Length));
        Assert.Equal(24, values.Length);
    }

    [Fact]
    public void Run_MemoInstructions_RecallTheSameObject()
    {
        object?[] values = Assert
            .IsType<PickleTuple>(
                Run(
                    Make(
                        "(]q\u0005h\u0005j\u0005\0\0\0]r",
                        UInt32(70000),
                        "j",
                        UInt32(70000),
                        "]\u0094h\u0002",
                        "\u0095\0\0\0\0\0\0\0\0",
                        "(NN1t"
                    )
                )
            )
            .Items;
        Assert.Same(values[0], values[1]);
        Assert.Same(values[0], values[2]);
        Assert.Same(values[3], values[4]);
        Assert.Same(values[5], values[6]);
        Assert.Equal(7, values.Length);
    }

    [Theory]
    [InlineData("\u008b\u00ff\u00ff\u00ff\u007f", "2147483647 bytes; at most 1024")]
    [InlineData("\u008b\u0001\u0004\0\0", "1025 bytes; at most 1024")]
    [InlineData("X\u00ff\u00ff\u00ff\u00ff", "4294967295 bytes; at most")]
    [InlineData("\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff", "18446744073709551615 bytes")]
    [InlineData("\u008e\0\0\0\0\0\0\0\u0010", "1152921504606846976 bytes")]
    [InlineData("B\0\0\0\u0001", "16777216 more bytes are required")]
    [InlineData("T\0\0\0\u0001", "16777216 more bytes are required")]
    public void Run_LengthBomb_IsRefusedWithoutAllocating(string body, string expected)
    {
        byte[] pickle = Make(body);
        Assert.Contains(expected, Assert.Throws<CheckpointFormatException>(() => Run(pickle)).Message, StringComparison.Ordinal);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<CheckpointFormatException>(() => Run(pickle));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 * 1024);
    }

    [Fact]
    public void Run_LineWithoutEnd_IsRefused() =>
        Assert.Contains(
            "more than 256 characters",
            Assert.Throws<CheckpointFormatException>(() => Run(Make("c" + new string('a', 10_000)))).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Run_MoreStepsThanAllowed_IsRefused() =>
        Assert.Contains(
            "more than 100 steps",
            Assert.Throws<CheckpointFormatException>(() => Run(Make(new string('N', 101)), new PickleLimits { Steps = 100 })).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Run_DictionaryCopiedAgainAndAgain_IsCharged()
    {
        // A list of 200 pairs, from which 1000 OrderedDicts are made by a few bytes each.
        string list = "](" + string.Concat(Enumerable.Repeat("NN\u0086", 200)) + "e\u0085q\u0001ccollections\nOrderedDict\nq\u0002";
        string copies = string.Concat(Enumerable.Repeat("h\u0002h\u0001R0", 1000));
        CheckpointFormatException refusal = Assert.Throws<CheckpointFormatException>(() =>
            Run(Make(list, copies), new PickleLimits { Steps = 50_000 })
        );
        Assert.Contains("more than 50000 steps", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_TextEncodedAgainAndAgain_IsCharged()
    {
        byte[] pickle = Make(
            "c_codecs\nencode\n",
            "q\u0001",
            Text(new string('a', 1000)),
            Text("latin1"),
            "\u0086q\u0002",
            string.Concat(Enumerable.Repeat("h\u0001h\u0002R", 100))
        );
        CheckpointFormatException refusal = Assert.Throws<CheckpointFormatException>(() =>
            Run(pickle, new PickleLimits { StringBytes = 50_000 })
        );
        Assert.Contains("encodes more than 50000 bytes", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1_000_000)]
    [InlineData(70)]
    public void Open_NestedDeeply_IsRefused(int depth)
    {
        // [[[...]]]: lists put into each other from the inside.
        StringBuilder body = new("]K\u0001a");
        body.Insert(0, "]", Math.Min(depth, 900_000) - 1).Append('a', Math.Min(depth, 900_000) - 1);
        Refusals.Of(InArchive(Make(body.ToString())), "nested deeper than 64");
    }

    [Fact]
    public void Open_ListThatContainsItselfTwice_IsRefused() =>
        Refusals.Of(InArchive(Make("]q\u0001(h\u0001h\u0001e")), "contain themselves");

    [Fact]
    public void Open_DictionaryThatContainsItself_IsRefused() =>
        Refusals.Of(InArchive(Make("}q\u0001", Text("self"), "h\u0001s")), "contain themselves", "self.self");

    [Fact]
    public void Open_BillionLaughs_IsRefused()
    {
        // Ten levels of lists, each holding the one below ten times: ten thousand million leaves from 300 bytes.
        StringBuilder body = new("K\u0001q\0");
        for (int level = 1; level <= 10; level++)
        {
            body.Append("](").Insert(body.Length, $"h{(char)(level - 1)}", 10).Append('e').Append('q').Append((char)level);
        }
        Refusals.Of(InArchive(Make("(", body.ToString(), "t")), "more than 2000000 values");
    }

    [Fact]
    public void Open_EmptyBillionLaughs_IsRefused()
    {
        StringBuilder body = new("]q\0");
        for (int level = 1; level <= 10; level++)
        {
            body.Append("](").Insert(body.Length, $"h{(char)(level - 1)}", 10).Append('e').Append('q').Append((char)level);
        }
        Refusals.Of(InArchive(Make("(", body.ToString(), "t")), "more than 2000000 values");
    }

    [Fact]
    public void Open_LongNameShared_IsBounded()
    {
        // A key of 4000 characters before 100,000 short ones would make 400 MB of names.
        string leaves =
            "}(" + string.Concat(Enumerable.Range(0, 60_000).Select(i => "J" + Encoding.Latin1.GetString(UInt32((uint)i)) + "N")) + "u";
        Refusals.Of(InArchive(Make("}", Text(new string('k', 4000)), leaves, "s")), "exceed 67108864 characters");
    }

    [Fact]
    public void Open_NameTooLong_IsRefused() =>
        Refusals.Of(InArchive(Make("}", Text(new string('k', 5000)), "Ns")), "longer than 4096 characters");

    [Fact]
    public void Open_JoinedNamesThatCollide_IsRefused() =>
        Refusals.Of(InArchive(Make("}(", Text("a.b"), "K\u0001", Text("a"), "}", Text("b"), "K\u0002su")), "both called \"a.b\"");

    [Theory]
    [InlineData("N", "None")]
    [InlineData("K\u0001", "an integer")]
    [InlineData("X\u0001\0\0\0a", "the string \"a\"")]
    public void Open_NoDictionary_IsRefused(string body, string expected) =>
        Refusals.Of(InArchive(Make(body)), $"holds {expected}", "dictionary of tensors is required");

    [Fact]
    public void Open_TupleAsKey_IsRefused() => Refusals.Of(InArchive(Make("}", "(K\u0001t", "Ns")), "a tuple of 1 as a key");

    [Fact]
    public void Open_BareStorage_IsRefused() =>
        Refusals.Of(InArchive(Make("}", Text("s"), Storage("0", 1), "s"), ("0", new byte[4])), "\"s\" is storage \"0\"");

    [Fact]
    public void Open_PickleTooLong_IsRefusedUnread()
    {
        using TemporaryFolder folder = new();
        byte[] pickle = new byte[(64 * 1024 * 1024) + 1];
        string path = folder.Write("long.pt", InArchive(pickle));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refusals.Of(path, "67108865 bytes; at most 67108864");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 * 1024);
    }
}
