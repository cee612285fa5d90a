using System.Runtime.InteropServices;
using LatentSync.Platform.Elf;

namespace LatentSync.Platform.LibTorch;

/// <summary>What the bridge calls in libtorch, asked of the libtorch that was loaded.</summary>
internal static class BridgeImports
{
    /// <summary>Imported functions that nothing in the process provides.</summary>
    /// <param name="bridgePath">The bridge's file.</param>
    /// <param name="handle">The loaded bridge: a search by this handle covers all libraries it depends on.</param>
    public static List<string> FindMissing(string bridgePath, nint handle)
    {
        using ElfImage image = ElfImage.Open(bridgePath);
        IReadOnlySet<int> used = image.ReadRelocatedSymbols();
        return image
            .ReadImports()
            .Where(symbol => !symbol.IsWeak && used.Contains(symbol.Index) && !NativeLibrary.TryGetExport(handle, symbol.Name, out _))
            .Select(symbol => symbol.Name)
            .ToList();
    }
}
