using LatentSync.Platform.Elf;
using LatentSync.Platform.LibTorch;

namespace LatentSync.Platform.Tests;

/// <summary>TorchSharp's real bridge, the file the repair is for.</summary>
internal static class Bridge
{
    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so");

    /// <summary>Its bytes: a copy each time.</summary>
    public static byte[] Bytes()
    {
        Assert.SkipUnless(File.Exists(Path), "This build has no libLibTorchSharp.so (not Linux x64).");
        return File.ReadAllBytes(Path);
    }

    public static ElfImage Image(byte[] bytes) => ElfImage.Parse(bytes, "libLibTorchSharp.so");

    public static VersionNeed Need(ElfImage image) =>
        image.VersionNeeds.Single(need => need.Version == SymbolVersionRepair.HarmlessVersion);
}
