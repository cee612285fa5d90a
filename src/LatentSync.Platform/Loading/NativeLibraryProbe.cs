using System.Runtime.InteropServices;
using LatentSync.Foundation.Wording;

namespace LatentSync.Platform.Loading;

/// <summary>Asks whether a native library of the program loads, and if not, why.</summary>
public static class NativeLibraryProbe
{
    /// <summary>Loads a library that a package placed beside the program.</summary>
    /// <param name="name">The name without prefix and suffix, "OpenCvSharpExtern".</param>
    /// <param name="path">The file that was loaded or tried.</param>
    /// <returns>null when it loaded; else the cause.</returns>
    public static NativeLoadFailure? TryLoad(string name, out string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        string fileName =
            OperatingSystem.IsWindows() ? name + ".dll"
            : OperatingSystem.IsMacOS() ? $"lib{name}.dylib"
            : $"lib{name}.so";
        string searched = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        List<string> folders = [AppContext.BaseDirectory, .. searched.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)];
        string? found = folders.Select(folder => Path.Combine(folder, fileName)).FirstOrDefault(File.Exists);
        path = found ?? fileName;
        if (found is null)
        {
            string where = string.Join(" or ", folders.Select(Path.TrimEndingDirectorySeparator).Distinct());
            return new NativeLoadFailure(
                NativeLoadCause.FileMissing,
                fileName,
                Sentence.Say($"no such file in {where}"),
                Sentence.Say($"the native part of {name}"),
                Sentence.Say("reinstall or rebuild the program: its folder is incomplete")
            );
        }
        return TryLoadFile(found);
    }

    /// <summary>Loads a library by its path.</summary>
    /// <param name="path">The file.</param>
    /// <returns>null when it loaded; else the cause.</returns>
    public static NativeLoadFailure? TryLoadFile(string path)
    {
        try
        {
            NativeLibrary.Load(path);
            return null;
        }
        catch (Exception thrown) when (thrown is DllNotFoundException or BadImageFormatException)
        {
            var search = new DependencySearch
            {
                OwnFolders = [Path.GetDirectoryName(path) ?? ""],
                Mapped = MappedLibraries.Read(),
                LibraryPath = PlatformSettings.FromEnvironment().LibraryPath,
            };
            return NativeLoadDiagnosis.Diagnose(path, thrown, search);
        }
    }
}
