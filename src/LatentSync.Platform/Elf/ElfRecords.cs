namespace LatentSync.Platform.Elf;

/// <summary>One symbol version that a library needs from another one (an Elf64_Vernaux entry).</summary>
/// <param name="File">The library that must define it, "libstdc++.so.6".</param>
/// <param name="Version">The version, "GLIBCXX_3.4.32".</param>
/// <param name="IsWeak">VER_FLG_WEAK is set: the dynamic loader accepts its absence.</param>
/// <param name="Index">The number that .gnu.version gives to symbols of this version.</param>
/// <param name="FlagsOffset">Where in the file the entry's 16-bit flags lie.</param>
internal sealed record VersionNeed(string File, string Version, bool IsWeak, int Index, long FlagsOffset);

/// <summary>A symbol that a library takes from others.</summary>
/// <param name="Index">Its row in the dynamic symbol table.</param>
/// <param name="Name">Its mangled name.</param>
/// <param name="VersionIndex">Which <see cref="VersionNeed"/> it belongs to; 0 or 1 for none.</param>
/// <param name="IsWeak">May stay undefined.</param>
internal sealed record ImportedSymbol(int Index, string Name, int VersionIndex, bool IsWeak);
