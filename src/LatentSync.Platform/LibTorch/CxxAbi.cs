using LatentSync.Foundation.Wording;
using LatentSync.Platform.Elf;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.LibTorch;

/// <summary>
/// Tells the two layouts of std::string apart. GCC has two since version 5, and a library sees only functions that take its own: PyTorch's
/// wheels up to 2.6 were built with the old one (_GLIBCXX_USE_CXX11_ABI=0), libtorch's "cxx11 ABI" archives, every later wheel and
/// TorchSharp's bridge with the new one. Loaded together, every second function of the bridge would be missing.
/// </summary>
/// <remarks>libstdc++ manual, "Dual ABI": names of the new layout contain __cxx11; the old string is "Ss" in mangled names.</remarks>
internal static class CxxAbi
{
    /// <summary>Why a libtorch has the other layout; null when it has the bridge's, or when its file does not show it.</summary>
    /// <param name="library">libc10.so of the libtorch: it takes functions of std::string from the C++ library.</param>
    public static NativeLoadFailure? Objection(string library)
    {
        if (!File.Exists(library))
        {
            return null;
        }
        using ElfImage image = ElfImage.Open(library);
        return IsOld(image.ReadImports().Select(symbol => symbol.Name))
            ? new NativeLoadFailure(
                NativeLoadCause.OtherCxxAbi,
                library,
                Sentence.Say("a libtorch with the old C++ ABI (_GLIBCXX_USE_CXX11_ABI=0)"),
                Sentence.Say("one with the new ABI, like TorchSharp's native library"),
                Sentence.Say(
                    $"give PyTorch 2.7 or later (best {LibTorchVersion.Expected}), or libtorch's archive named \"cxx11-abi-shared-with-deps\""
                )
            )
            : null;
    }

    /// <summary>Whether names that a library takes from others are of the old layout alone.</summary>
    internal static bool IsOld(IEnumerable<string> imports)
    {
        bool hasOld = false;
        foreach (string name in imports)
        {
            if (name.Contains("__cxx11", StringComparison.Ordinal))
            {
                return false;
            }
            // Members of the old std::string: _ZNSs6appendEPKc, _ZNKSs4findEcm, ...
            hasOld |= name.StartsWith("_ZNSs", StringComparison.Ordinal) || name.StartsWith("_ZNKSs", StringComparison.Ordinal);
        }
        return hasOld;
    }
}
