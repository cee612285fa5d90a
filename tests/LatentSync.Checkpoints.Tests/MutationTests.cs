using static LatentSync.Checkpoints.Tests.PickleBytes;

namespace LatentSync.Checkpoints.Tests;

/// <summary>Valid files changed at random: each must open or be refused; no other exception, no hang, little memory.</summary>
[Trait("Category", "Exhaustive")]
public sealed class MutationTests
{
    private const int Rounds = 3000;

    [Fact]
    public void Open_MutatedSafetensors_OpensOrIsRefused() =>
        Mutate(
            SafetensorsBytes.Make(
                System.Text.Encoding.UTF8.GetBytes(
                    """{"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]},"c":{"dtype":"F16","shape":[],"data_offsets":[11,13]}}"""
                ),
                new byte[13]
            ),
            seed: 11
        );

    [Theory]
    [InlineData("everything.pt", 12)]
    [InlineData("everything_protocol4.pt", 13)]
    [InlineData("everything_legacy.pt", 14)]
    public void Open_MutatedTorchFile_OpensOrIsRefused(string name, int seed) => Mutate(Fixtures.Bytes(name), seed);

    /// <summary>Most mutations of a whole file hit its zip records; these hit the pickle only.</summary>
    [Fact]
    public void Open_MutatedPickle_OpensOrIsRefused()
    {
        byte[] pickle = Make(
            "}q\0(",
            Text("w"),
            "q\u0001",
            Tensor(Storage("0", 4), "K\0", Tuple(2, 2), Tuple(1, 2)),
            "q\u0002",
            Text("again"),
            "h\u0002",
            Text("list"),
            "](K\u0001h\u0001G?\u00f0\0\0\0\0\0\0e",
            Text("od"),
            Global("collections", "OrderedDict"),
            "](",
            Text("k"),
            "N\u0086e\u0085R",
            Text("dims"),
            "}",
            Text("n"),
            "J\u0001\u0002\u0003\u0004su"
        );
        using TemporaryFolder folder = new();
        Assert.True(IsAccepted(pickle));
        Random random = new(15);
        int accepted = 0;
        for (int round = 0; round < Rounds; round++)
        {
            accepted += IsAccepted(Changed(pickle, random)) ? 1 : 0;
        }
        Assert.InRange(accepted, 1, Rounds - 1);

        bool IsAccepted(byte[] mutant) => Refusals.OpensOrIsRefused(folder.Write("mutant", InArchive(mutant, ("0", new byte[16]))));
    }

    [Fact]
    public void Open_RandomInstructions_OpensOrIsRefused()
    {
        // Instruction soup: valid opcodes in random order reach deeper than random bytes.
        const string Opcodes = "(.012GJKMNQRTUXabcehjqrstu}])BC\u0080\u0085\u0086\u0087\u0088\u0089\u008a\u008b\u008c\u0093\u0094\u0095";
        Random random = new(16);
        using TemporaryFolder folder = new();
        for (int round = 0; round < Rounds; round++)
        {
            List<object> parts = [];
            for (int i = random.Next(1, 60); i > 0; i--)
            {
                parts.Add(
                    random.Next(4) switch
                    {
                        0 => Opcodes[random.Next(Opcodes.Length)].ToString(),
                        1 => (byte[])[(byte)"hq"[random.Next(2)], (byte)random.Next(4)],
                        2 => new[] { "}", "]", ")", "N", "K\u0002", "(", "t", "u", "e", "R", "Q", "b" }[random.Next(12)],
                        _ => random.Next(3) switch
                        {
                            0 => Text("k"),
                            1 => Storage("0", 4),
                            _ => System.Text.Encoding.ASCII.GetBytes(Global("torch._utils", "_rebuild_tensor_v2")),
                        },
                    }
                );
            }
            Refusals.OpensOrIsRefused(folder.Write("soup", InArchive(Make([.. parts]), ("0", new byte[16]))));
        }
    }

    private static void Mutate(byte[] valid, int seed)
    {
        using TemporaryFolder folder = new();
        Assert.True(Refusals.OpensOrIsRefused(folder.Write("valid", valid)));
        Random random = new(seed);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < Rounds; round++)
        {
            Refusals.OpensOrIsRefused(folder.Write("mutant", Changed(valid, random)));
        }
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / Rounds, 0, 400 * 1024);
    }

    /// <summary>One to four of: a byte replaced, a bit flipped, a piece removed, repeated or overwritten by another piece, a number made
    /// extreme.</summary>
    private static byte[] Changed(byte[] valid, Random random)
    {
        List<byte> bytes = [.. valid];
        for (int change = random.Next(1, 5); change > 0 && bytes.Count > 8; change--)
        {
            int at = random.Next(bytes.Count);
            int length = Math.Min(random.Next(1, 16), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count - length + 1), length));
                    break;
                case 4:
                    byte[] piece = [.. bytes.GetRange(random.Next(bytes.Count - length + 1), length)];
                    for (int i = 0; i < length; i++)
                    {
                        bytes[at + i] = piece[i];
                    }
                    break;
                default:
                    byte extreme = new byte[] { 0x00, 0x7F, 0x80, 0xFF }[random.Next(4)];
                    for (int i = 0; i < length; i++)
                    {
                        bytes[at + i] = extreme;
                    }
                    break;
            }
        }
        return [.. bytes];
    }
}
