using System.Buffers.Binary;
using System.Text;
using LatentSync.Checkpoints.PyTorch;

namespace LatentSync.Checkpoints.Writing;

/// <summary>Writes a zip archive of stored entries as PyTorch does: data at multiples of 64 bytes, zip64 records where they are
/// needed.</summary>
internal sealed class ZipWriter
{
    private const ushort Version = 20;
    private const ushort Version64 = 45;
    private const int Crc32Position = 14;

    private readonly Stream _stream;
    private readonly long _limit32;
    private readonly int _limit16;
    private readonly List<(byte[] Name, long Offset, long Length, uint Crc32)> _entries = [];

    /// <param name="stream">Seekable, at its start.</param>
    /// <param name="limit32">First value that counts as too large for a 32-bit field; smaller than the real one in tests.</param>
    public ZipWriter(Stream stream, long limit32 = ZipFormat.See64)
    {
        _stream = stream;
        _limit32 = limit32;
        _limit16 = (int)Math.Min(limit32, ushort.MaxValue);
    }

    public void WriteEntry(string name, ReadOnlyMemory<byte> content) =>
        WriteEntry(name, content.Length, stream => stream.Write(content.Span));

    public void WriteEntry(string name, long length, Action<Stream> write)
    {
        byte[] nameBytes = Encoding.UTF8.GetBytes(name);
        long offset = _stream.Position;
        bool is64 = length >= _limit32;
        int sizesLength = is64 ? 20 : 0;
        long unpadded = offset + ZipFormat.LocalHeaderLength + nameBytes.Length + sizesLength + 4;
        int padding = (int)(-unpadded & (ZipFormat.Alignment - 1));

        using (BinaryWriter writer = NewWriter())
        {
            writer.Write(ZipFormat.LocalHeader);
            WriteCommonFields(writer, is64 ? Version64 : Version, 0, length, is64);
            writer.Write((ushort)nameBytes.Length);
            writer.Write((ushort)(sizesLength + 4 + padding));
            writer.Write(nameBytes);
            if (is64)
            {
                writer.Write(ZipFormat.Zip64Extra);
                writer.Write((ushort)16);
                writer.Write(length);
                writer.Write(length);
            }
            writer.Write(ZipFormat.PaddingExtra);
            writer.Write((ushort)padding);
            writer.Write(Enumerable.Repeat((byte)'Z', padding).ToArray());
        }

        uint crc = PayloadStream.Copy(_stream, name, length, computeCrc32: true, write);
        long end = _stream.Position;
        Span<byte> crcBytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(crcBytes, crc);
        _stream.Position = offset + Crc32Position;
        _stream.Write(crcBytes);
        _stream.Position = end;
        _entries.Add((nameBytes, offset, length, crc));
    }

    /// <summary>Writes the directory; nothing may follow.</summary>
    public void Complete()
    {
        long directoryOffset = _stream.Position;
        using BinaryWriter writer = NewWriter();
        foreach ((byte[] name, long offset, long length, uint crc) in _entries)
        {
            bool sizes64 = length >= _limit32;
            bool offset64 = offset >= _limit32;
            int extraLength = (sizes64 ? 16 : 0) + (offset64 ? 8 : 0);
            writer.Write(ZipFormat.CentralHeader);
            writer.Write((ushort)0);
            WriteCommonFields(writer, extraLength > 0 ? Version64 : Version, crc, length, sizes64);
            writer.Write((ushort)name.Length);
            writer.Write((ushort)(extraLength > 0 ? extraLength + 4 : 0));
            writer.Write((ushort)0); // comment
            writer.Write((ushort)0); // disk
            writer.Write((ushort)0); // internal attributes
            writer.Write(0u); // external attributes
            writer.Write(offset64 ? ZipFormat.See64 : (uint)offset);
            writer.Write(name);
            if (extraLength > 0)
            {
                writer.Write(ZipFormat.Zip64Extra);
                writer.Write((ushort)extraLength);
                if (sizes64)
                {
                    writer.Write(length);
                    writer.Write(length);
                }
                if (offset64)
                {
                    writer.Write(offset);
                }
            }
        }
        writer.Flush();
        WriteEnd(writer, directoryOffset, _stream.Position - directoryOffset);
    }

    private void WriteEnd(BinaryWriter writer, long directoryOffset, long directoryLength)
    {
        bool is64 = _entries.Count >= _limit16 || directoryLength >= _limit32 || directoryOffset >= _limit32;
        if (is64)
        {
            long recordOffset = _stream.Position;
            writer.Write(ZipFormat.Zip64EndOfDirectory);
            writer.Write((ulong)(ZipFormat.Zip64EndOfDirectoryLength - 12));
            writer.Write(Version64);
            writer.Write(Version64);
            writer.Write(0u);
            writer.Write(0u);
            writer.Write((ulong)_entries.Count);
            writer.Write((ulong)_entries.Count);
            writer.Write((ulong)directoryLength);
            writer.Write((ulong)directoryOffset);
            writer.Write(ZipFormat.Zip64Locator);
            writer.Write(0u);
            writer.Write((ulong)recordOffset);
            writer.Write(1u);
        }
        ushort count = is64 ? ushort.MaxValue : (ushort)_entries.Count;
        writer.Write(ZipFormat.EndOfDirectory);
        writer.Write((ushort)0);
        writer.Write((ushort)0);
        writer.Write(count);
        writer.Write(count);
        writer.Write(is64 ? ZipFormat.See64 : (uint)directoryLength);
        writer.Write(is64 ? ZipFormat.See64 : (uint)directoryOffset);
        writer.Write((ushort)0);
    }

    /// <summary>The fields that local and central header share, up to the sizes. The time of change is left zero, as PyTorch leaves
    /// it.</summary>
    private static void WriteCommonFields(BinaryWriter writer, ushort version, uint crc, long length, bool sizes64)
    {
        writer.Write(version);
        writer.Write((ushort)0); // flags
        writer.Write((ushort)0); // method: stored
        writer.Write((ushort)0); // time
        writer.Write((ushort)0); // date
        writer.Write(crc);
        uint size = sizes64 ? ZipFormat.See64 : (uint)length;
        writer.Write(size);
        writer.Write(size);
    }

    private BinaryWriter NewWriter() => new(_stream, Encoding.UTF8, leaveOpen: true);
}
