using System.Reflection;
using System.Text.RegularExpressions;
using LatentSync.Foundation.Files;

namespace LatentSync.Platform.LibTorch;

/// <summary>Version and flavour of a libtorch, read from the files beside it, without loading it.</summary>
internal static partial class LibTorchVersion
{
    /// <summary>Longest version file that is read.</summary>
    private const int MostCharacters = 4096;

    /// <summary>The libtorch that TorchSharp's bridge was built against, "2.10.0".</summary>
    public static string Expected { get; } = Metadata("LibTorchVersion");

    /// <summary>The TorchSharp this program was built with, "0.107.0".</summary>
    public static string TorchSharp { get; } = Metadata("TorchSharpVersion");

    /// <summary>Version ("2.10.0") and flavour ("cpu", "cu128") of the libtorch in a folder; null where the files do not say.</summary>
    /// <param name="folder">The folder of libtorch_cpu.</param>
    public static (string? Version, string? Flavor) Read(string folder)
    {
        string? parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        // libtorch's archive has build-version beside lib/; a Python package has version.py there, and a dist-info folder above.
        IEnumerable<string?> texts =
        [
            Text(Path.Combine(folder, "build-version")),
            parent is null ? null : Text(Path.Combine(parent, "build-version")),
            parent is null ? null : PythonVersion(Text(Path.Combine(parent, "version.py"))),
            parent is null ? null : DistInfo(Path.GetDirectoryName(parent)),
        ];
        foreach (string? text in texts)
        {
            if (text is not null && VersionText().Match(text.Trim()) is { Success: true } match)
            {
                string flavor = match.Groups["flavor"].Value;
                return (
                    match.Groups["version"].Value,
                    KnownFlavor().IsMatch(flavor) ? flavor : PythonCuda(parent) ?? (flavor.Length > 0 ? flavor : FlavorByFiles(folder))
                );
            }
        }
        return (null, FlavorByFiles(folder));
    }

    /// <summary>The flavour as far as the mere presence of files shows it.</summary>
    public static string? FlavorByFiles(string folder)
    {
        bool Has(string pattern) => Directory.Exists(folder) && Directory.EnumerateFiles(folder, pattern).Any();
        if (Has("*torch_cuda.*"))
        {
            return "cuda";
        }
        if (Has("*torch_hip.*"))
        {
            return "rocm";
        }
        return Has("*torch_cpu.*") ? "cpu" : null;
    }

    private static string? PythonVersion(string? text)
    {
        Match match = text is null ? Match.Empty : PythonAssignment().Match(text);
        return match.Success ? match.Groups["version"].Value : null;
    }

    /// <summary>"cu130" of a Python package whose version does not name it (built from source, or NVIDIA's containers): version.py has
    /// a line <c>cuda: Optional[str] = '13.0'</c>.</summary>
    private static string? PythonCuda(string? parent)
    {
        Match match = parent is null ? Match.Empty : PythonCudaAssignment().Match(Text(Path.Combine(parent, "version.py")) ?? "");
        return match.Success ? "cu" + match.Groups["version"].Value.Replace(".", "", StringComparison.Ordinal) : null;
    }

    private static string? DistInfo(string? sitePackages)
    {
        if (sitePackages is null || !Directory.Exists(sitePackages))
        {
            return null;
        }
        string? folder = Directory.EnumerateDirectories(sitePackages, "torch-*.dist-info").FirstOrDefault();
        return folder is null ? null : Path.GetFileName(folder)["torch-".Length..^".dist-info".Length];
    }

    private static string? Text(string path)
    {
        try
        {
            if (!File.Exists(path))
            {
                return null;
            }
            using StreamReader reader = new(InputFile.OpenRead(path));
            char[] buffer = new char[MostCharacters];
            return new string(buffer, 0, reader.ReadBlock(buffer));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null; // a version that cannot be read is an unknown version, which the caller reports as such
        }
    }

    private static string Metadata(string key) =>
        typeof(LibTorchVersion).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(item => item.Key == key).Value!;

    [GeneratedRegex(@"^(?<version>\d+\.\d+(\.\d+)?)[0-9A-Za-z.]*?(\+(?<flavor>[0-9A-Za-z.]+))?$")]
    private static partial Regex VersionText();

    [GeneratedRegex(@"__version__\s*=\s*['""](?<version>[^'""]+)['""]")]
    private static partial Regex PythonAssignment();

    [GeneratedRegex(@"^cuda\b[^=\r\n]*=\s*['""](?<version>\d+\.\d)['""]", RegexOptions.Multiline)]
    private static partial Regex PythonCudaAssignment();

    [GeneratedRegex(@"^(cpu|cu\d+|rocm[0-9.]+|xpu)")]
    private static partial Regex KnownFlavor();
}
