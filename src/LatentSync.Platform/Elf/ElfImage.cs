namespace LatentSync.Platform.Elf;

/// <summary>What the dynamic loader reads from a 64-bit little-endian ELF library: needed libraries, symbol versions, imports
/// and relocations. It reads the dynamic segment through the program headers, as the loader itself does, not the section
/// table, which may be stripped. Every offset and count is checked: a damaged file gives an <see cref="ElfFormatException"/>.</summary>
/// <remarks>Tables: System V ABI, chapters 4 and 5; symbol versions: Linux Standard Base 5.0 core, section 10.7.</remarks>
internal sealed class ElfImage : IDisposable
{
    private const int MostProgramHeaders = 1024;
    private const int MostDynamicEntries = 65_536;
    private const int MostVersions = 65_536;
    private const int MostSymbols = 16 * 1024 * 1024;
    private const int MostRelocations = 64 * 1024 * 1024;
    private const int SymbolSize = 24;
    private const ushort WeakVersion = 0x2;

    private readonly ByteSource _bytes;
    private readonly List<Segment> _segments = [];
    private readonly Dictionary<long, long> _dynamic = [];
    private readonly List<string> _needed = [];

    private ElfImage(ByteSource bytes)
    {
        _bytes = bytes;
        ReadHeader();
        Needed = _needed;
        SoName = _dynamic.TryGetValue(DynamicTag.SoName, out long name) ? String(name) : null;
        RunPath =
            (_dynamic.TryGetValue(DynamicTag.RunPath, out long path) || _dynamic.TryGetValue(DynamicTag.RPath, out path))
                ? String(path).Split(':', StringSplitOptions.RemoveEmptyEntries)
                : [];
        VersionNeeds = ReadVersionNeeds();
    }

    /// <summary>e_machine: 62 is x86-64, 183 is AArch64.</summary>
    public ushort Machine { get; private set; }

    /// <summary>The libraries this one asks for (DT_NEEDED), in order.</summary>
    public IReadOnlyList<string> Needed { get; }

    /// <summary>The name under which others ask for this library; null if it has none.</summary>
    public string? SoName { get; }

    /// <summary>Folders to search for needed libraries; may contain $ORIGIN.</summary>
    public IReadOnlyList<string> RunPath { get; }

    /// <summary>The symbol versions this library needs from others.</summary>
    public IReadOnlyList<VersionNeed> VersionNeeds { get; }

    public static ElfImage Open(string path)
    {
        ByteSource bytes = ByteSource.FromFile(path);
        try
        {
            return new ElfImage(bytes);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    public static ElfImage Parse(ReadOnlyMemory<byte> bytes, string name) => new(ByteSource.FromMemory(bytes, name));

    public void Dispose() => _bytes.Dispose();

    /// <summary>The symbol versions this library defines for others ("GLIBCXX_3.4.30").</summary>
    public IReadOnlyList<string> ReadVersionDefinitions()
    {
        var versions = new List<string>();
        if (!_dynamic.TryGetValue(DynamicTag.VersionDefinitions, out long table))
        {
            return versions;
        }
        long count = Count(DynamicTag.VersionDefinitionCount, MostVersions);
        long at = Offset(table);
        for (long i = 0; i < count; i++)
        {
            long auxiliary = at + _bytes.UInt32(at + 12);
            versions.Add(String(_bytes.UInt32(auxiliary)));
            uint next = _bytes.UInt32(at + 16);
            if (next == 0)
            {
                break;
            }
            at += next;
        }
        return versions;
    }

    /// <summary>The symbols this library takes from others.</summary>
    /// <exception cref="ElfFormatException">The table has no hash table that says how long it is, or is damaged.</exception>
    public IReadOnlyList<ImportedSymbol> ReadImports()
    {
        var imports = new List<ImportedSymbol>();
        if (!_dynamic.TryGetValue(DynamicTag.Symbols, out long table))
        {
            return imports;
        }
        long symbols = Offset(table);
        long versions = _dynamic.TryGetValue(DynamicTag.SymbolVersions, out long versionTable) ? Offset(versionTable) : -1;
        int count = CountUnhashedSymbols();
        for (int i = 1; i < count; i++)
        {
            long at = symbols + (long)i * SymbolSize;
            bool isUndefined = _bytes.UInt16(at + 6) == 0;
            if (isUndefined)
            {
                int version = versions < 0 ? 0 : _bytes.UInt16(versions + 2L * i) & 0x7fff;
                imports.Add(new ImportedSymbol(i, String(_bytes.UInt32(at)), version, (_bytes.UInt16(at + 4) & 0xf0) == 0x20));
            }
        }
        return imports;
    }

    /// <summary>The rows of the symbol table that a relocation uses: only these must be found at load time or at first call.</summary>
    public IReadOnlySet<int> ReadRelocatedSymbols()
    {
        var used = new HashSet<int>();
        ReadRelocations(used, DynamicTag.Rela, DynamicTag.RelaSize, 24);
        ReadRelocations(used, DynamicTag.Rel, DynamicTag.RelSize, 16);
        bool pltIsRela = !_dynamic.TryGetValue(DynamicTag.PltKind, out long kind) || kind == DynamicTag.Rela;
        ReadRelocations(used, DynamicTag.PltRelocations, DynamicTag.PltSize, pltIsRela ? 24 : 16);
        return used;
    }

    private void ReadRelocations(HashSet<int> used, long tableTag, long sizeTag, int entrySize)
    {
        if (!_dynamic.TryGetValue(tableTag, out long table) || !_dynamic.TryGetValue(sizeTag, out long size))
        {
            return;
        }
        long count = size / entrySize,
            at = Offset(table);
        if (count > MostRelocations || at > _bytes.Length - size)
        {
            throw _bytes.Bad($"its relocation table claims {size} bytes");
        }
        for (long i = 0; i < count; i++, at += entrySize)
        {
            int symbol = (int)(_bytes.UInt64(at + 8) >> 32);
            if (symbol != 0)
            {
                used.Add(symbol);
            }
        }
    }

    private void ReadHeader()
    {
        Span<byte> ident = stackalloc byte[16];
        _bytes.Read(0, ident);
        if (!ident[..4].SequenceEqual("\u007fELF"u8))
        {
            throw _bytes.Bad("it does not begin with the ELF mark");
        }
        if (ident[4] != 2 || ident[5] != 1)
        {
            throw _bytes.Bad("it is not 64-bit little-endian");
        }
        Machine = _bytes.UInt16(0x12);
        long headers = _bytes.Int64(0x20);
        int size = _bytes.UInt16(0x36),
            count = _bytes.UInt16(0x38);
        if (size < 56 || count > MostProgramHeaders)
        {
            throw _bytes.Bad($"it has {count} program headers of {size} bytes");
        }
        Segment? dynamic = null;
        for (int i = 0; i < count; i++)
        {
            long at = headers + (long)i * size;
            uint type = _bytes.UInt32(at);
            if (type is SegmentKind.Load or SegmentKind.Dynamic)
            {
                var segment = new Segment(_bytes.Int64(at + 16), _bytes.Int64(at + 8), _bytes.Int64(at + 32));
                if (segment.FileOffset > _bytes.Length - segment.Size)
                {
                    throw _bytes.Bad($"segment {i} lies outside the file: the file is truncated");
                }
                if (type == SegmentKind.Load)
                {
                    _segments.Add(segment);
                }
                else
                {
                    dynamic = segment;
                }
            }
        }
        ReadDynamic(dynamic ?? throw _bytes.Bad("it has no dynamic segment"));
    }

    private void ReadDynamic(Segment dynamic)
    {
        var needed = new List<long>();
        long count = Math.Min(dynamic.Size / 16, MostDynamicEntries);
        for (long i = 0; i < count; i++)
        {
            ulong tag = _bytes.UInt64(dynamic.FileOffset + i * 16);
            if (tag == DynamicTag.Null)
            {
                break;
            }
            ulong value = _bytes.UInt64(dynamic.FileOffset + i * 16 + 8);
            if (tag > long.MaxValue || value > long.MaxValue)
            {
                continue;
            }
            if ((long)tag == DynamicTag.Needed)
            {
                needed.Add((long)value);
            }
            else
            {
                _dynamic[(long)tag] = (long)value;
            }
        }
        foreach (long name in needed)
        {
            _needed.Add(String(name));
        }
    }

    private List<VersionNeed> ReadVersionNeeds()
    {
        var needs = new List<VersionNeed>();
        if (!_dynamic.TryGetValue(DynamicTag.VersionNeeds, out long table))
        {
            return needs;
        }
        long count = Count(DynamicTag.VersionNeedCount, MostVersions),
            at = Offset(table);
        for (long i = 0; i < count; i++)
        {
            int entries = _bytes.UInt16(at + 2);
            string file = String(_bytes.UInt32(at + 4));
            long auxiliary = at + _bytes.UInt32(at + 8);
            for (int j = 0; j < entries; j++)
            {
                if (needs.Count >= MostVersions)
                {
                    throw _bytes.Bad($"it claims more than {MostVersions} needed symbol versions");
                }
                ushort flags = _bytes.UInt16(auxiliary + 4);
                int index = _bytes.UInt16(auxiliary + 6) & 0x7fff;
                needs.Add(new VersionNeed(file, String(_bytes.UInt32(auxiliary + 8)), (flags & WeakVersion) != 0, index, auxiliary + 4));
                uint nextEntry = _bytes.UInt32(auxiliary + 12);
                if (nextEntry == 0)
                {
                    break;
                }
                auxiliary += nextEntry;
            }
            uint next = _bytes.UInt32(at + 12);
            if (next == 0)
            {
                break;
            }
            at += next;
        }
        return needs;
    }

    /// <summary>How many leading rows of the symbol table can be imports. A GNU hash table says where the hashed (defined) symbols
    /// begin, and imports come before them; a System V hash table says the whole count.</summary>
    private int CountUnhashedSymbols()
    {
        long count;
        if (_dynamic.TryGetValue(DynamicTag.GnuHash, out long gnu))
        {
            count = _bytes.UInt32(Offset(gnu) + 4);
        }
        else if (_dynamic.TryGetValue(DynamicTag.Hash, out long hash))
        {
            count = _bytes.UInt32(Offset(hash) + 4);
        }
        else
        {
            throw _bytes.Bad("it has no symbol hash table");
        }
        return count <= MostSymbols ? (int)count : throw _bytes.Bad($"it claims {count} symbols");
    }

    private long Count(long tag, long most)
    {
        long count = _dynamic.GetValueOrDefault(tag);
        return count <= most ? count : throw _bytes.Bad($"it claims {count} symbol versions");
    }

    private string String(long index)
    {
        if (!_dynamic.TryGetValue(DynamicTag.Strings, out long table) || !_dynamic.TryGetValue(DynamicTag.StringsSize, out long size))
        {
            throw _bytes.Bad("it has no dynamic string table");
        }
        return index < size
            ? _bytes.CString(Offset(table) + index)
            : throw _bytes.Bad($"text {index} lies outside its string table of {size} bytes");
    }

    private long Offset(long address)
    {
        foreach (Segment segment in _segments)
        {
            long distance = address - segment.Address;
            if (distance >= 0 && distance < segment.Size)
            {
                return segment.FileOffset + distance;
            }
        }
        throw _bytes.Bad($"address 0x{address:x} lies in none of its segments");
    }

    private sealed record Segment(long Address, long FileOffset, long Size);

    private static class SegmentKind
    {
        public const uint Load = 1;
        public const uint Dynamic = 2;
    }

    private static class DynamicTag
    {
        public const long Null = 0;
        public const long Needed = 1;
        public const long PltSize = 2;
        public const long Hash = 4;
        public const long Strings = 5;
        public const long Symbols = 6;
        public const long Rela = 7;
        public const long RelaSize = 8;
        public const long StringsSize = 10;
        public const long SoName = 14;
        public const long RPath = 15;
        public const long Rel = 17;
        public const long RelSize = 18;
        public const long PltKind = 20;
        public const long PltRelocations = 23;
        public const long RunPath = 29;
        public const long GnuHash = 0x6ffffef5;
        public const long SymbolVersions = 0x6ffffff0;
        public const long VersionDefinitions = 0x6ffffffc;
        public const long VersionDefinitionCount = 0x6ffffffd;
        public const long VersionNeeds = 0x6ffffffe;
        public const long VersionNeedCount = 0x6fffffff;
    }
}
