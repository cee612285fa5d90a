using System.Buffers.Binary;
using System.Text;
using LatentSync.Foundation.Files;
using Microsoft.Win32.SafeHandles;

namespace LatentSync.Platform.Elf;

/// <summary>Bounds-checked little-endian reads from a file or from memory. libtorch_cpu.so has half a gigabyte, of which the
/// diagnosis needs a few pages: a file is therefore read where asked, never as a whole.</summary>
internal abstract class ByteSource : IDisposable
{
    /// <summary>Longest text that a library may hold where a name is expected (real ones stay below 4 KiB even in C++).</summary>
    private const int LongestString = 16 * 1024;

    /// <summary>A file up to this size is read at once: thousands of small reads cost more than its few megabytes.</summary>
    private const long SmallFile = 8 << 20;

    protected ByteSource(string name, long length)
    {
        Name = name;
        Length = length;
    }

    public string Name { get; }

    public long Length { get; }

    /// <summary>A file; its length is that of what was opened, since a link (Nix, Bazel and pip make them) has a length of its
    /// own.</summary>
    /// <exception cref="IOException">It is missing, no regular file, or cannot be read.</exception>
    public static ByteSource FromFile(string path)
    {
        var source = new FileSource(path, InputFile.OpenHandle(path));
        if (source.Length > SmallFile)
        {
            return source;
        }
        using (source)
        {
            byte[] bytes = new byte[source.Length];
            source.Read(0, bytes);
            return FromMemory(bytes, path);
        }
    }

    public static ByteSource FromMemory(ReadOnlyMemory<byte> bytes, string name) => new MemorySource(bytes, name);

    public ushort UInt16(long offset)
    {
        Span<byte> bytes = stackalloc byte[2];
        Read(offset, bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    public uint UInt32(long offset)
    {
        Span<byte> bytes = stackalloc byte[4];
        Read(offset, bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    /// <summary>A 64-bit offset, size or address; one that does not fit a signed number cannot lie in any file.</summary>
    public long Int64(long offset)
    {
        Span<byte> bytes = stackalloc byte[8];
        Read(offset, bytes);
        ulong value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return value <= long.MaxValue ? (long)value : throw Bad($"the number at offset {offset} is too large ({value})");
    }

    public ulong UInt64(long offset)
    {
        Span<byte> bytes = stackalloc byte[8];
        Read(offset, bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Text up to its zero byte.</summary>
    public string CString(long offset)
    {
        if (offset < 0 || offset >= Length)
        {
            throw Bad($"the text at offset {offset} lies outside the file of {Length} bytes");
        }
        var bytes = new List<byte>(64);
        Span<byte> chunk = stackalloc byte[64];
        for (long at = offset; bytes.Count <= LongestString; at += chunk.Length)
        {
            int count = (int)Math.Min(chunk.Length, Length - at);
            if (count <= 0)
            {
                throw Bad($"the text at offset {offset} runs past the end of the file");
            }
            Read(at, chunk[..count]);
            int end = chunk[..count].IndexOf((byte)0);
            bytes.AddRange(end < 0 ? chunk[..count] : chunk[..end]);
            if (end >= 0)
            {
                return Encoding.UTF8.GetString(bytes.ToArray());
            }
        }
        throw Bad($"the text at offset {offset} has more than {LongestString} bytes");
    }

    public void Read(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > Length - destination.Length)
        {
            throw Bad($"{destination.Length} bytes at offset {offset} lie outside the file of {Length} bytes");
        }
        ReadCore(offset, destination);
    }

    public ElfFormatException Bad(string problem) => new(Name, problem);

    public virtual void Dispose() { }

    protected abstract void ReadCore(long offset, Span<byte> destination);

    private sealed class MemorySource(ReadOnlyMemory<byte> bytes, string name) : ByteSource(name, bytes.Length)
    {
        protected override void ReadCore(long offset, Span<byte> destination) =>
            bytes.Span.Slice((int)offset, destination.Length).CopyTo(destination);
    }

    private sealed class FileSource(string name, SafeFileHandle handle) : ByteSource(name, RandomAccess.GetLength(handle))
    {
        public override void Dispose() => handle.Dispose();

        protected override void ReadCore(long offset, Span<byte> destination)
        {
            while (destination.Length > 0)
            {
                int count = RandomAccess.Read(handle, destination, offset);
                if (count == 0)
                {
                    throw Bad($"the file became shorter while it was read (offset {offset})");
                }
                destination = destination[count..];
                offset += count;
            }
        }
    }
}
