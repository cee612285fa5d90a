using System.Buffers.Binary;
using System.Text;
using LatentSync.Checkpoints.Files;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>The list of files in a zip archive, zip64 included, with their positions: the data is then read straight from the
/// file.</summary>
internal sealed class ZipDirectory
{
    private const int MaxEntries = 500_000;
    private const int MaxDirectoryBytes = 128 * 1024 * 1024;
    private const int MaxNameBytes = 1024;
    private const int MaxCommentBytes = ushort.MaxValue;
    private const string Truncated = "The file is truncated or damaged: download or copy it again";

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly CheckpointFile _file;
    private readonly Dictionary<string, ZipEntry> _entries = new(StringComparer.Ordinal);

    private ZipDirectory(CheckpointFile file) => _file = file;

    /// <summary>Every entry by name, in the order of the directory.</summary>
    public IReadOnlyDictionary<string, ZipEntry> Entries => _entries;

    public static ZipDirectory Read(CheckpointFile file)
    {
        ZipDirectory directory = new(file);
        (long offset, long length, long count) = directory.Locate();
        directory.ReadEntries(offset, (int)length, (int)count);
        return directory;
    }

    /// <summary>Finds the record at the end of the file that says where the directory is.</summary>
    private (long Offset, long Length, long Count) Locate()
    {
        int tailLength = (int)Math.Min(_file.Length, ZipFormat.EndOfDirectoryLength + MaxCommentBytes);
        byte[] tail = new byte[tailLength];
        _file.ReadExactly(_file.Length - tailLength, tail);
        int at = tailLength - ZipFormat.EndOfDirectoryLength;
        while (
            at >= 0
            && !(UInt32(tail, at) == ZipFormat.EndOfDirectory && UInt16(tail, at + 20) == tailLength - at - ZipFormat.EndOfDirectoryLength)
        )
        {
            at--;
        }
        if (at < 0)
        {
            throw _file.Refuse("the zip archive has no directory at its end", remedy: Truncated);
        }

        long endRecord = _file.Length - tailLength + at;
        long count = UInt16(tail, at + 10);
        long length = UInt32(tail, at + 12);
        long offset = UInt32(tail, at + 16);
        if (UInt16(tail, at + 4) is not (0 or ushort.MaxValue) || UInt16(tail, at + 6) is not (0 or ushort.MaxValue))
        {
            throw _file.Refuse("the zip archive is one part of several", remedy: "Join the parts first");
        }
        long directoryLimit = endRecord;
        if (count == ushort.MaxValue || length == ZipFormat.See64 || offset == ZipFormat.See64)
        {
            (offset, length, count, directoryLimit) = Locate64(endRecord);
        }
        if (count > MaxEntries || length > MaxDirectoryBytes)
        {
            throw _file.Refuse(
                $"the zip directory claims {count} entries in {length} bytes; at most {MaxEntries} in {MaxDirectoryBytes} are allowed"
            );
        }
        if (offset > directoryLimit - length || count * ZipFormat.CentralHeaderLength > length)
        {
            throw _file.Refuse(
                $"the zip directory claims {count} entries in {length} bytes from byte {offset}, which do not fit before byte {directoryLimit}",
                remedy: Truncated
            );
        }
        return (offset, length, count);
    }

    private (long Offset, long Length, long Count, long Limit) Locate64(long endRecord)
    {
        byte[] locator = new byte[ZipFormat.Zip64LocatorLength];
        long locatorOffset = endRecord - locator.Length;
        byte[] record = new byte[ZipFormat.Zip64EndOfDirectoryLength];
        if (locatorOffset >= record.Length)
        {
            _file.ReadExactly(locatorOffset, locator);
            ulong recordOffset = UInt64(locator, 8);
            if (UInt32(locator, 0) == ZipFormat.Zip64Locator && recordOffset <= (ulong)(locatorOffset - record.Length))
            {
                _file.ReadExactly((long)recordOffset, record);
                (ulong count, ulong length, ulong offset) = (UInt64(record, 32), UInt64(record, 40), UInt64(record, 48));
                if (
                    UInt32(record, 0) == ZipFormat.Zip64EndOfDirectory
                    && count <= long.MaxValue
                    && length <= long.MaxValue
                    && offset <= long.MaxValue
                )
                {
                    return ((long)offset, (long)length, (long)count, (long)recordOffset);
                }
            }
        }
        throw _file.Refuse("the zip archive refers to a 64-bit directory record that is not there", remedy: Truncated);
    }

    private void ReadEntries(long directoryOffset, int directoryLength, int count)
    {
        byte[] directory = new byte[directoryLength];
        _file.ReadExactly(directoryOffset, directory);
        List<(long HeaderOffset, ZipEntry Entry)> found = new(count);
        int at = 0;
        for (int i = 0; i < count; i++)
        {
            found.Add(ReadCentralHeader(directory, ref at));
        }

        // Entries one behind the other: none may reach into the next, the last not into the directory.
        found.Sort((a, b) => a.HeaderOffset.CompareTo(b.HeaderOffset));
        for (int i = 0; i < count; i++)
        {
            (long headerOffset, ZipEntry entry) = found[i];
            long limit = i + 1 < count ? found[i + 1].HeaderOffset : directoryOffset;
            long dataOffset = ReadLocalHeader(headerOffset, entry, limit);
            if (entry.Length > limit - dataOffset)
            {
                throw _file.Refuse(
                    $"zip entry {Quote(entry.Name)} claims {entry.Length} bytes from byte {dataOffset}, but the next begins at {limit}",
                    remedy: Truncated
                );
            }
            _entries[entry.Name] = entry with { DataOffset = dataOffset };
        }
    }

    private (long HeaderOffset, ZipEntry Entry) ReadCentralHeader(byte[] directory, ref int at)
    {
        if (directory.Length - at < ZipFormat.CentralHeaderLength || UInt32(directory, at) != ZipFormat.CentralHeader)
        {
            throw _file.Refuse($"the zip directory is damaged at its byte {at}", remedy: Truncated);
        }
        ReadOnlySpan<byte> header = directory.AsSpan(at);
        int flags = UInt16(header, 8);
        int method = UInt16(header, 10);
        int nameLength = UInt16(header, 28);
        int extraLength = UInt16(header, 30);
        int totalLength = ZipFormat.CentralHeaderLength + nameLength + extraLength + UInt16(header, 32);
        if (totalLength > header.Length || nameLength > MaxNameBytes)
        {
            throw _file.Refuse(
                $"the zip directory is damaged at its byte {at}: a name of {nameLength} bytes (at most {MaxNameBytes} are allowed)",
                remedy: Truncated
            );
        }
        string name = DecodeName(header.Slice(ZipFormat.CentralHeaderLength, nameLength));
        if (_entries.ContainsKey(name))
        {
            throw _file.Refuse($"the zip archive lists {Quote(name)} twice");
        }
        if ((flags & 1) != 0)
        {
            throw _file.Refuse($"zip entry {Quote(name)} is encrypted");
        }

        ulong compressed = UInt32(header, 20);
        ulong uncompressed = UInt32(header, 24);
        ulong offset = UInt32(header, 42);
        if (uncompressed == ZipFormat.See64 || compressed == ZipFormat.See64 || offset == ZipFormat.See64)
        {
            ReadOnlySpan<byte> extra = FindZip64Extra(header.Slice(ZipFormat.CentralHeaderLength + nameLength, extraLength));
            uncompressed = Resolve(uncompressed, ref extra, name);
            compressed = Resolve(compressed, ref extra, name);
            offset = Resolve(offset, ref extra, name);
        }
        if (compressed > (ulong)_file.Length || offset > (ulong)_file.Length || (method == 0 && compressed != uncompressed))
        {
            throw _file.Refuse(
                $"zip entry {Quote(name)} claims {compressed} bytes at byte {offset} of a file of {_file.Length}",
                remedy: Truncated
            );
        }
        ZipEntry entry = new(name, 0, (long)compressed, UInt32(header, 16), method);
        _entries.Add(name, entry);
        at += totalLength;
        return ((long)offset, entry);
    }

    /// <summary>Returns where the data begins: the local header may be longer than the directory says, that is how PyTorch
    /// aligns.</summary>
    private long ReadLocalHeader(long offset, ZipEntry entry, long limit)
    {
        if (limit - offset < ZipFormat.LocalHeaderLength)
        {
            throw _file.Refuse(
                $"zip entry {Quote(entry.Name)} begins at byte {offset}, too close to the next at {limit}",
                remedy: Truncated
            );
        }
        Span<byte> header = stackalloc byte[ZipFormat.LocalHeaderLength];
        _file.ReadExactly(offset, header);
        int nameLength = UInt16(header, 26);
        long dataOffset = offset + header.Length + nameLength + UInt16(header, 28);
        if (
            UInt32(header, 0) != ZipFormat.LocalHeader
            || UInt16(header, 8) != entry.Method
            || nameLength > MaxNameBytes
            || dataOffset > limit
        )
        {
            throw _file.Refuse($"zip entry {Quote(entry.Name)} has no valid header at byte {offset}", remedy: Truncated);
        }
        Span<byte> name = stackalloc byte[nameLength];
        _file.ReadExactly(offset + header.Length, name);
        string localName = DecodeName(name);
        return localName == entry.Name
            ? dataOffset
            : throw _file.Refuse($"the zip directory calls an entry {Quote(entry.Name)}, its own header {Quote(localName)}");
    }

    private static ReadOnlySpan<byte> FindZip64Extra(ReadOnlySpan<byte> extras)
    {
        while (extras.Length >= 4)
        {
            int length = UInt16(extras, 2);
            if (length > extras.Length - 4)
            {
                break;
            }
            if (UInt16(extras, 0) == ZipFormat.Zip64Extra)
            {
                return extras.Slice(4, length);
            }
            extras = extras[(4 + length)..];
        }
        return [];
    }

    private ulong Resolve(ulong value, ref ReadOnlySpan<byte> extra, string name)
    {
        if (value != ZipFormat.See64)
        {
            return value;
        }
        if (extra.Length < sizeof(ulong))
        {
            throw _file.Refuse($"zip entry {Quote(name)} lacks its 64-bit size or position", remedy: Truncated);
        }
        value = UInt64(extra, 0);
        extra = extra[sizeof(ulong)..];
        return value;
    }

    private string DecodeName(ReadOnlySpan<byte> name)
    {
        try
        {
            return StrictUtf8.GetString(name);
        }
        catch (DecoderFallbackException fault)
        {
            throw _file.Refuse("a name in the zip archive is not valid UTF-8", inner: fault);
        }
    }

    private static string Quote(string name) => CheckpointFormatException.Quote(name);

    private static ushort UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong UInt64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}
