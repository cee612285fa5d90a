using LatentSync.Attention.Machines;
using LatentSync.Platform.Elf;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.Machines;

/// <summary>Describes the libtorch that is or would be loaded, without loading it.</summary>
internal static class LibTorchProbe
{
    /// <returns>null when there is none.</returns>
    public static LibTorchInfo? Read(LibTorchLocator locator, string? externalFolder)
    {
        if (LibTorchLoader.Loaded is { } loaded)
        {
            return Describe(loaded.Folder, loaded.Repaired);
        }
        string? folder = externalFolder is null ? locator.FindOwn() : locator.FindGiven(externalFolder);
        return folder is null ? null : Describe(folder, NeedsRepair(locator));
    }

    /// <summary>The folder of the libtorch that is or would be loaded; null when there is none.</summary>
    /// <param name="externalFolder">The folder the user gave, or null.</param>
    public static string? Folder(string? externalFolder)
    {
        LibTorchLocator locator = LibTorchLocator.ForThisProcess();
        return LibTorchLoader.Loaded?.Folder ?? (externalFolder is null ? locator.FindOwn() : locator.FindGiven(externalFolder));
    }

    private static LibTorchInfo Describe(string folder, bool repaired)
    {
        (string? version, string? flavor) = LibTorchVersion.Read(folder);
        return new LibTorchInfo(version ?? "unknown", flavor ?? "unknown", folder, repaired, CudaArchitectures.Of(version, flavor));
    }

    private static bool NeedsRepair(LibTorchLocator locator)
    {
        string? bridge = locator
            .RuntimeSearchFolders.Select(candidate => Path.Combine(candidate, LibTorchNames.Current.Bridge))
            .FirstOrDefault(File.Exists);
        if (bridge is null || !OperatingSystem.IsLinux())
        {
            return false;
        }
        // Only the bridge's own needs matter here; whether libtorch itself is whole is found when it is loaded.
        var search = new DependencySearch { Mapped = MappedLibraries.Read(), AskLoader = _ => null };
        using ElfImage image = ElfImage.Open(bridge);
        return DependencyGraph
            .Build([bridge], search)
            .VersionProblems.Any(problem => problem.Library == bridge && SymbolVersionRepair.IsHarmless(image, problem.Need, out _));
    }
}
