using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using LatentSync.Foundation.Files;

namespace LatentSync.Platform.Machines;

/// <summary>The CUDA runtime and cuDNN that a process would get.</summary>
/// <param name="RuntimePath">libcudart; null when there is none.</param>
/// <param name="RuntimeVersion">"12.8.90" or "12.8"; null when unknown.</param>
/// <param name="CuDnnPath">libcudnn; null when there is none.</param>
/// <param name="CuDnnVersion">"9.10.2"; null when unknown.</param>
public sealed record CudaLibraryFacts(string? RuntimePath, string? RuntimeVersion, string? CuDnnPath, string? CuDnnVersion);

/// <summary>Finds libcudart and cuDNN where the loader would find them, and their versions: by the file's name, the header or the Python
/// package beside it, and only then by loading that one library (it creates nothing on the GPU) and asking it.</summary>
internal static unsafe partial class CudaLibraryProbe
{
    private const int MaximumHeaderBytes = 1 << 20;

    /// <param name="root">"/" or a copy of such a tree, for the system's folders.</param>
    /// <param name="torchFolder">The folder of libtorch; null for none.</param>
    /// <param name="libraryPath">Folders that the dynamic loader searches first (LD_LIBRARY_PATH).</param>
    /// <param name="mapped">Libraries of this process: what is loaded already wins.</param>
    public static CudaLibraryFacts Read(string root, string? torchFolder, IReadOnlyList<string> libraryPath, IReadOnlyList<string> mapped)
    {
        List<string> folders = Folders(root, torchFolder, libraryPath);
        string? runtime = Find("*cudart*", RuntimeName(), folders, mapped),
            cudnn = Find("*cudnn*", CuDnnName(), folders, mapped);
        return new CudaLibraryFacts(
            runtime,
            runtime is null ? null : ByFiles(runtime, "cuda_runtime") ?? Ask(runtime, "cudaRuntimeGetVersion", RuntimeVersion),
            cudnn,
            cudnn is null ? null : ByFiles(cudnn, "cudnn") ?? Header(cudnn) ?? Ask(cudnn, "cudnnGetVersion", CuDnnVersion)
        );
    }

    /// <summary>"9.10.2" of 91002, "8.9.7" of 8907: cuDNN changed its scale with version 9.</summary>
    internal static string CuDnnText(long version) =>
        version >= 90000
            ? FormattableString.Invariant($"{version / 10000}.{version / 100 % 100}.{version % 100}")
            : FormattableString.Invariant($"{version / 1000}.{version / 100 % 10}.{version % 100}");

    private static List<string> Folders(string root, string? torchFolder, IReadOnlyList<string> libraryPath)
    {
        List<string> folders = [];
        if (torchFolder is not null)
        {
            folders.Add(torchFolder);
        }
        folders.AddRange(libraryPath);
        // site-packages/torch/lib: NVIDIA's wheels lie in site-packages/nvidia
        if (
            torchFolder is not null
            && Path.GetFullPath(Path.Combine(torchFolder, "../../nvidia")) is var wheels
            && Directory.Exists(wheels)
        )
        {
            folders.AddRange(
                Directory.EnumerateDirectories(wheels).Order(StringComparer.Ordinal).Select(wheel => Path.Combine(wheel, "lib"))
            );
        }
        string local = Path.Combine(root, "usr/local");
        string triplet = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
        folders.Add(Path.Combine(local, "cuda/lib64"));
        if (Directory.Exists(local))
        {
            folders.AddRange(
                Directory
                    .EnumerateDirectories(local, "cuda-*")
                    .OrderDescending(StringComparer.Ordinal)
                    .Select(folder => Path.Combine(folder, "lib64"))
            );
        }
        folders.Add(Path.Combine(root, "usr/lib", triplet));
        folders.Add(Path.Combine(root, "usr/lib64"));
        return folders;
    }

    /// <summary>The pattern is for the system's search, which is quick in folders of thousands of files; the name decides.</summary>
    private static string? Find(string pattern, Regex name, List<string> folders, IReadOnlyList<string> mapped) =>
        mapped.FirstOrDefault(path => name.IsMatch(Path.GetFileName(path)))
        ?? folders
            .Where(Directory.Exists)
            .SelectMany(folder =>
                Directory.EnumerateFiles(folder, pattern).Where(file => name.IsMatch(Path.GetFileName(file))).Order(StringComparer.Ordinal)
            )
            .FirstOrDefault();

    private static string? ByFiles(string library, string package)
    {
        string real = File.ResolveLinkTarget(library, returnFinalTarget: true)?.FullName ?? library;
        if (VersionInName().Match(Path.GetFileName(real)) is { Success: true } match)
        {
            return match.Groups["version"].Value;
        }
        // site-packages/nvidia/cudnn/lib/libcudnn.so.9 and site-packages/nvidia_cudnn_cu12-9.10.2.21.dist-info
        string site = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(real)!, "../../.."));
        string? info = Directory.Exists(Path.Combine(site, "nvidia"))
            ? Directory.EnumerateDirectories(site, $"nvidia_{package}*.dist-info").FirstOrDefault()
            : null;
        return info is not null && PackageVersion().Match(Path.GetFileName(info)) is { Success: true } named
            ? named.Groups["version"].Value
            : null;
    }

    private static string? Header(string cudnn)
    {
        string header = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(cudnn)!, "../include/cudnn_version.h"));
        if (!File.Exists(header))
        {
            return null;
        }
        string text = InputFile.ReadAllText(header, MaximumHeaderBytes);
        string?[] parts =
        [
            .. ((string[])["MAJOR", "MINOR", "PATCHLEVEL"]).Select(part =>
                Regex.Match(text, $@"#define\s+CUDNN_{part}\s+(\d+)") is { Success: true } match ? match.Groups[1].Value : null
            ),
        ];
        return parts.Contains(null) ? null : string.Join('.', parts);
    }

    private static string? Ask(string library, string function, Func<nint, string?> call)
    {
        if (!NativeLibrary.TryLoad(library, out nint handle))
        {
            return null;
        }
        try
        {
            return NativeLibrary.TryGetExport(handle, function, out nint export) ? call(export) : null;
        }
        finally
        {
            NativeLibrary.Free(handle);
        }
    }

    private static string? RuntimeVersion(nint export)
    {
        int version;
        return ((delegate* unmanaged<int*, int>)export)(&version) == 0 ? NvmlProbe.CudaVersionText(version) : null;
    }

    private static string CuDnnVersion(nint export) => CuDnnText((long)((delegate* unmanaged<nuint>)export)());

    // libcudart.so.12, libcudart-d0da41ae.so.11.0 (libtorch's archive), cudart64_12.dll
    [GeneratedRegex(@"^(libcudart(-[0-9a-f]+)?\.so(\.|$)|cudart64_\d+\.dll$)")]
    private static partial Regex RuntimeName();

    [GeneratedRegex(@"^(libcudnn\.so(\.|$)|cudnn64_\d+\.dll$)")]
    private static partial Regex CuDnnName();

    // two numbers at least: libcudnn.so.9 alone says too little
    [GeneratedRegex(@"^[a-z]+\.so\.(?<version>\d+\.\d+\.\d+)")]
    private static partial Regex VersionInName();

    [GeneratedRegex(@"-(?<version>\d+\.\d+\.\d+)")]
    private static partial Regex PackageVersion();
}
