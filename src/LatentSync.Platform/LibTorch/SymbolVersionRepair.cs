using System.Buffers.Binary;
using LatentSync.Foundation.Files;
using LatentSync.Platform.Elf;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.LibTorch;

/// <summary>
/// The repair of TorchSharp's bridge on systems whose libstdc++ is older than GCC 13 (Debian 12, Ubuntu 22.04). The bridge asks
/// for GLIBCXX_3.4.32 because of one symbol, which GCC 13's &lt;iostream&gt; only names so that linking against an older
/// libstdc++ fails; no code of the bridge uses it. Marking that one needed version as weak makes the dynamic loader accept its
/// absence. Everything this relies on is read from the file before it is changed.
/// </summary>
internal static class SymbolVersionRepair
{
    /// <summary>Changes whenever the result of <see cref="Apply"/> changes: part of the cached file's name.</summary>
    public const int Revision = 1;

    /// <summary>The version that the bridge needs in vain.</summary>
    public const string HarmlessVersion = "GLIBCXX_3.4.32";

    /// <summary>Longest library that is repaired; the bridge has a few megabytes.</summary>
    public const int LargestLibrary = 256 << 20;

    /// <summary>The one symbol of that version. std::ios_base_library_init(): since GCC 13 the library initialises std::cout itself,
    /// and a reference without use makes sure that such a library is linked. With an older libstdc++ the initialisation is done by
    /// every library that was compiled against it; libtorch is one, and it is loaded first.</summary>
    public const string HarmlessSymbol = "_ZSt21ios_base_library_initv";

    /// <summary>Whether a missing version is the known harmless case, and why not.</summary>
    /// <param name="image">The library that needs it.</param>
    /// <param name="need">The version it needs.</param>
    /// <param name="reason">Why it is not harmless, as a clause; empty when it is.</param>
    public static bool IsHarmless(ElfImage image, VersionNeed need, out string reason)
    {
        if (need.Version != HarmlessVersion)
        {
            reason = $"{need.Version} is not the version whose absence is known to be harmless ({HarmlessVersion})";
            return false;
        }
        List<ImportedSymbol> symbols = image.ReadImports().Where(symbol => symbol.VersionIndex == need.Index).ToList();
        if (symbols.Count != 1 || symbols[0].Name != HarmlessSymbol)
        {
            string names = symbols.Count == 0 ? "no symbol" : string.Join(", ", symbols.Take(3).Select(symbol => symbol.Name));
            reason = $"{need.Version} is asked for by {names}, not by {HarmlessSymbol} alone";
            return false;
        }
        if (image.ReadRelocatedSymbols().Contains(symbols[0].Index))
        {
            reason = $"{HarmlessSymbol} is used by a relocation";
            return false;
        }
        reason = "";
        return true;
    }

    /// <summary>Sets VER_FLG_WEAK on a needed version. Doing it twice changes nothing more.</summary>
    /// <param name="library">The library's bytes; not modified.</param>
    /// <param name="need">The entry, read from these bytes.</param>
    /// <returns>The repaired bytes, of the same length.</returns>
    public static byte[] Apply(ReadOnlySpan<byte> library, VersionNeed need)
    {
        byte[] repaired = library.ToArray();
        Span<byte> flags = repaired.AsSpan((int)need.FlagsOffset, 2);
        BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(flags) | 0x2));
        return repaired;
    }

    /// <summary>Repairs every problem of a library, or says which one cannot be.</summary>
    /// <param name="path">The library.</param>
    /// <param name="problems">What it needs in vain; at least one.</param>
    /// <param name="trace">Gets what was verified.</param>
    /// <returns>The repaired bytes.</returns>
    /// <exception cref="NativeLoadException">One of them is not the harmless case.</exception>
    public static byte[] Repair(string path, IReadOnlyList<VersionProblem> problems, List<LoadStep> trace)
    {
        byte[] library = InputFile.ReadAllBytes(path, LargestLibrary);
        using ElfImage image = ElfImage.Parse(library, path);
        foreach (VersionProblem problem in problems)
        {
            if (!IsHarmless(image, problem.Need, out string reason))
            {
                trace.Add(new LoadStep("repair", path, false, reason));
                throw new NativeLoadException(NativeLoadDiagnosis.Version(problem), trace);
            }
            trace.Add(
                new LoadStep(
                    "inspect",
                    path,
                    true,
                    $"needs {problem.Need.Version} only for {HarmlessSymbol}, which no relocation uses; {problem.Provider} ends at {problem.Newest}"
                )
            );
            library = Apply(library, problem.Need);
        }
        return library;
    }
}
