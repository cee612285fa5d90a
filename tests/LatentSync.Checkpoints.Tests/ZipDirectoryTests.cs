using static LatentSync.Checkpoints.Tests.PickleBytes;

namespace LatentSync.Checkpoints.Tests;

public sealed class ZipDirectoryTests
{
    private static readonly byte[] Pickle = Make("}");

    [Fact]
    public void Read_Comment_IsPassedOver()
    {
        using TemporaryFolder folder = new();
        byte[] zip = new ZipBytes { Comment = "PK\x05\x06 a comment that looks like an end record"u8.ToArray() }
            .With("m/data.pkl", Pickle)
            .Build();
        using TensorArchive archive = TensorArchive.Open(folder.Write("m.pt", zip));
        Assert.Empty(archive.Tensors);
    }

    [Fact]
    public void Read_TextBehindTheEnd_IsRefused() =>
        Refusals.Of([.. new ZipBytes { { "m/data.pkl", Pickle } }.Build(), 0], "no directory at its end");

    [Theory]
    [InlineData(2u, 0u, 0u, "do not fit")]
    [InlineData(0xFFFEu, 0u, 0u, "do not fit")]
    [InlineData(0xFFFFu, 0u, 0u, "64-bit directory record")]
    [InlineData(0u, 0xFFFFFFFEu, 0u, "at most")]
    [InlineData(0u, 1u, 0u, "do not fit")]
    [InlineData(0u, 0u, 1u, "do not fit")]
    [InlineData(0u, 0u, 0xFFFFFF00u, "do not fit")]
    [InlineData(0u, 0u, 0x7FFFFFFFu, "do not fit")]
    public void Read_EndRecordThatLies_IsRefused(uint count, uint length, uint offset, string expected)
    {
        ZipBytes zip = new()
        {
            End = (c, l, o) =>
                (
                    count == 0 ? c : count,
                    length == 0 ? l
                    : length == 1 ? l + 1
                    : length,
                    offset == 0 ? o
                    : offset == 1 ? o + 1
                    : offset
                ),
        };
        Refusals.Of(zip.With("m/data.pkl", Pickle).Build(), expected);
    }

    [Fact]
    public void Read_DirectoryOneByteEarlier_IsRefused() =>
        Refusals.Of(
            new ZipBytes { End = (c, l, o) => (c, l, o - 1) }
                .With("m/data.pkl", Pickle)
                .Build(),
            "directory is damaged"
        );

    [Theory]
    [MemberData(nameof(BadEntries))]
    public void Read_EntryThatLies_IsRefused(string expected, object entry)
    {
        ZipBytes zip = new ZipBytes { (ZipBytes.Entry)entry }.With("m/version", [51]);
        Refusals.Of(zip.Build(), expected);
    }

    public static TheoryData<string, object> BadEntries =>
        new()
        {
            {
                "is encrypted",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    Flags = 1,
                }
            },
            {
                "its own header",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    LocalName = "m/data.pk1",
                }
            },
            {
                "the next begins at",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    Length = 60,
                    CompressedLength = 60,
                }
            },
            {
                "claims 4294967294 bytes",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    Length = 0xFFFFFFFE,
                    CompressedLength = 0xFFFFFFFE,
                }
            },
            {
                "claims 3 bytes",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    Length = 4,
                    CompressedLength = 3,
                }
            },
            {
                "no valid header at byte 1",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    Offset = 1,
                }
            },
            {
                "at byte 4294967294",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    Offset = 0xFFFFFFFE,
                }
            },
            {
                "lacks its 64-bit size",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    Offset = 0xFFFFFFFF,
                }
            },
            {
                "lacks its 64-bit size",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    Length = 0xFFFFFFFF,
                    CentralExtra = [1, 0, 4, 0, 1, 2, 3, 4],
                }
            },
            {
                "lacks its 64-bit size",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    Length = 0xFFFFFFFF,
                    CentralExtra = [1, 0, 255, 255],
                }
            },
            {
                "claims 18446744073709551615 bytes",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    CompressedLength = 0xFFFFFFFF,
                    CentralExtra = [1, 0, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255],
                }
            },
            {
                "UTF-8",
                new ZipBytes.Entry
                {
                    Name = "m/data.pkl",
                    Data = Pickle,
                    RawName = [0xFF, 0xFE],
                }
            },
            {
                "name of 2000 bytes",
                new ZipBytes.Entry { Name = new string('n', 2000), Data = Pickle }
            },
            {
                "lists \"m/version\" twice",
                new ZipBytes.Entry { Name = "m/version", Data = Pickle }
            },
        };

    [Fact]
    public void Read_EntriesThatShareBytes_IsRefused()
    {
        ZipBytes zip = new()
        {
            { "m/data.pkl", Pickle },
            new ZipBytes.Entry
            {
                Name = "m/data/0",
                Data = Pickle,
                Offset = 0,
            },
        };
        Refusals.Of(zip.Build(), "too close to the next");
    }

    [Fact]
    public void Read_OneEntryPointedToFromInsideAnother_IsRefused()
    {
        // The first entry's data holds a second, valid local header; its directory entry points there.
        byte[] inner = new ZipBytes { { "m/data/0", [1, 2, 3, 4] } }.Build();
        ZipBytes zip = new()
        {
            { "m/data.pkl", inner },
            new ZipBytes.Entry
            {
                Name = "m/data/0",
                Data = [1, 2, 3, 4],
                Offset = 30 + 10,
            },
        };
        Refusals.Of(zip.Build(), "the next begins at 40");
    }

    [Fact]
    public void Read_StorageBeyondFourGigabytes_IsReadFromItsPlace()
    {
        // m/data/0 is 5 GiB of hole, so m/data/1, the directory and its end lie beyond 32 bits: every zip64 record is needed.
        const long Gap = 5L << 30;
        using TemporaryFolder folder = new();
        string path = folder.File("large.pt");
        byte[] pickle = Make("}", Text("w"), Tensor(Storage("1", 2), "K\0", Tuple(2), Tuple(1)), "s");
        using (BinaryWriter writer = new(File.Create(path)))
        {
            WriteLocal(writer, "m/data.pkl", pickle.Length, false);
            writer.Write(pickle);
            WriteLocal(writer, "m/data/0", Gap, true);
        }
        long gapEnd = new FileInfo(path).Length + Gap;
        LargeFile.Extend(path, Gap);
        using (BinaryWriter writer = new(new FileStream(path, FileMode.Append)))
        {
            WriteLocal(writer, "m/data/1", 8, false);
            writer.Write(1.5f);
            writer.Write(-2.5f);
            long directory = gapEnd + 30 + 8 + 8;
            WriteCentral(writer, "m/data.pkl", pickle.Length, 0);
            WriteCentral(writer, "m/data/0", Gap, 30 + 10 + pickle.Length);
            WriteCentral(writer, "m/data/1", 8, gapEnd);
            writer.Flush();
            long end = writer.BaseStream.Position;
            writer.Write(0x06064B50u);
            writer.Write(44L);
            writer.Write(new byte[12]);
            writer.Write(3L);
            writer.Write(3L);
            writer.Write(end - directory);
            writer.Write(directory);
            writer.Write(0x07064B50u);
            writer.Write(0u);
            writer.Write(end);
            writer.Write(1u);
            writer.Write(0x06054B50u);
            writer.Write(0u);
            writer.Write(0xFFFFFFFFu);
            writer.Write(ulong.MaxValue);
            writer.Write((ushort)0);
        }
        using TensorArchive archive = TensorArchive.Open(path);
        Assert.Equal([1.5f, -2.5f], archive.ReadFloats("w"));

        static void WriteLocal(BinaryWriter writer, string name, long length, bool is64)
        {
            writer.Write(0x04034B50u);
            writer.Write(new byte[14]);
            writer.Write(is64 ? uint.MaxValue : (uint)length);
            writer.Write(is64 ? uint.MaxValue : (uint)length);
            writer.Write((ushort)name.Length);
            writer.Write((ushort)(is64 ? 20 : 0));
            writer.Write(System.Text.Encoding.ASCII.GetBytes(name));
            if (is64)
            {
                writer.Write(0x00100001u);
                writer.Write(length);
                writer.Write(length);
            }
        }

        static void WriteCentral(BinaryWriter writer, string name, long length, long offset)
        {
            // Here every entry states all three values in the extra field, as a careful packer may.
            writer.Write(0x02014B50u);
            writer.Write(new byte[16]);
            writer.Write(ulong.MaxValue);
            writer.Write((ushort)name.Length);
            writer.Write((ushort)28);
            writer.Write(new byte[10]);
            writer.Write(uint.MaxValue);
            writer.Write(System.Text.Encoding.ASCII.GetBytes(name));
            writer.Write(0x00180001u);
            writer.Write(length);
            writer.Write(length);
            writer.Write(offset);
        }
    }
}
