using System.Collections;
using System.Text;
using LatentSync.Checkpoints.PyTorch;

namespace LatentSync.Checkpoints.Tests;

/// <summary>Zip archives put together by hand, with every field open to falsification; independent of the writer under test.</summary>
internal sealed class ZipBytes : IEnumerable
{
    public List<Entry> Entries { get; } = [];

    public byte[] Comment { get; init; } = [];

    /// <summary>Changes the end record's count, directory length and directory offset.</summary>
    public Func<uint, uint, uint, (uint Count, uint Length, uint Offset)> End { get; init; } =
        (count, length, offset) => (count, length, offset);

    public void Add(string name, byte[] data) => Entries.Add(new Entry { Name = name, Data = data });

    public void Add(Entry entry) => Entries.Add(entry);

    public void Add(IEnumerable<(string Name, byte[] Data)> entries) =>
        Entries.AddRange(entries.Select(e => new Entry { Name = e.Name, Data = e.Data }));

    public ZipBytes With(string name, byte[] data)
    {
        Add(name, data);
        return this;
    }

    public byte[] Build()
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        List<uint> offsets = [];
        foreach (Entry entry in Entries)
        {
            byte[] name = Encoding.UTF8.GetBytes(entry.LocalName ?? entry.Name);
            offsets.Add((uint)stream.Position);
            writer.Write(0x04034B50u);
            WriteCommon(writer, entry);
            writer.Write((ushort)name.Length);
            writer.Write((ushort)0);
            writer.Write(name);
            writer.Write(entry.Data);
        }
        uint directoryOffset = (uint)stream.Position;
        foreach ((Entry entry, uint offset) in Entries.Zip(offsets))
        {
            byte[] name = entry.RawName ?? Encoding.UTF8.GetBytes(entry.Name);
            writer.Write(0x02014B50u);
            writer.Write((ushort)20);
            WriteCommon(writer, entry);
            writer.Write((ushort)name.Length);
            writer.Write((ushort)entry.CentralExtra.Length);
            writer.Write(new byte[10]);
            writer.Write(entry.Offset ?? offset);
            writer.Write(name);
            writer.Write(entry.CentralExtra);
        }
        (uint count, uint length, uint end) = End((uint)Entries.Count, (uint)stream.Position - directoryOffset, directoryOffset);
        writer.Write(0x06054B50u);
        writer.Write(0u);
        writer.Write((ushort)count);
        writer.Write((ushort)count);
        writer.Write(length);
        writer.Write(end);
        writer.Write((ushort)Comment.Length);
        writer.Write(Comment);
        return stream.ToArray();
    }

    IEnumerator IEnumerable.GetEnumerator() => Entries.GetEnumerator();

    private static void WriteCommon(BinaryWriter writer, Entry entry)
    {
        writer.Write((ushort)20);
        writer.Write(entry.Flags);
        writer.Write(entry.Method);
        writer.Write(0u);
        writer.Write(entry.Crc ?? Crc32.Append(0, entry.Data));
        writer.Write(entry.CompressedLength ?? (uint)entry.Data.Length);
        writer.Write(entry.Length ?? (uint)entry.Data.Length);
    }

    internal sealed record Entry
    {
        public required string Name { get; init; }

        public required byte[] Data { get; init; }

        public string? LocalName { get; init; }

        public byte[]? RawName { get; init; }

        public ushort Flags { get; init; }

        public ushort Method { get; init; }

        public uint? Crc { get; init; }

        public uint? CompressedLength { get; init; }

        public uint? Length { get; init; }

        public uint? Offset { get; init; }

        public byte[] CentralExtra { get; init; } = [];
    }
}
