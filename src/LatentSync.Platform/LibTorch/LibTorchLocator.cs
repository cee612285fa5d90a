using System.Runtime.InteropServices;
using LatentSync.Foundation.Wording;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.LibTorch;

/// <summary>Finds libtorch and TorchSharp's bridge in the layouts that .NET builds produce.</summary>
/// <remarks>
/// Beside the program (a build for one platform), <c>runtimes/RID/native</c> (a portable build, a .NET tool), and
/// <c>libtorch/</c>, our own: a folder that .NET does not search by itself, so that an external libtorch can take its place.
/// The folders that .NET searches come first, because TorchSharp's own start-up loads a libtorch_cpu from there whatever we do.
/// </remarks>
internal sealed class LibTorchLocator(string baseDirectory, string runtimeIdentifier, LibTorchNames names)
{
    /// <summary>The folders that .NET itself searches for native libraries.</summary>
    public IReadOnlyList<string> RuntimeSearchFolders { get; init; } =
    [baseDirectory, Path.Combine(baseDirectory, "runtimes", runtimeIdentifier, "native")];

    /// <summary>The locator of this process.</summary>
    public static LibTorchLocator ForThisProcess()
    {
        string baseDirectory = AppContext.BaseDirectory;
        string portable =
            $"{(OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        var folders = new List<string> { baseDirectory, Path.Combine(baseDirectory, "runtimes", portable, "native") };
        if (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") is string searched)
        {
            folders.AddRange(searched.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries));
        }
        return new LibTorchLocator(baseDirectory, portable, LibTorchNames.Current)
        {
            RuntimeSearchFolders = folders
                .Select(folder => Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))
                .Distinct()
                .ToList(),
        };
    }

    /// <summary>Finds both.</summary>
    /// <param name="externalFolder">The folder the user gave, or null.</param>
    /// <param name="trace">Gets one step per search.</param>
    /// <exception cref="NativeLoadException">One of them is missing: says which and where it was looked for.</exception>
    public LibTorchLocation Locate(string? externalFolder, List<LoadStep> trace)
    {
        string bridge = FindBridge(trace);
        if (externalFolder is not null)
        {
            return new LibTorchLocation(FindExternal(externalFolder, trace), bridge, IsExternal: true);
        }
        string folder = FindOwn() ?? throw MissingLibTorch(trace);
        trace.Add(new LoadStep("locate", folder, true, $"holds {names.Cpu}"));
        return new LibTorchLocation(folder, bridge, IsExternal: false);
    }

    /// <summary>The folder of the libtorch that belongs to the program, or null.</summary>
    public string? FindOwn() => RuntimeSearchFolders.Append(Path.Combine(baseDirectory, "libtorch")).FirstOrDefault(Holds);

    /// <summary>The folder of a libtorch that the user gave: the folder itself, its lib, or its torch/lib (a site-packages
    /// folder).</summary>
    public string? FindGiven(string folder)
    {
        string full = Path.GetFullPath(folder);
        return new[] { full, Path.Combine(full, "lib"), Path.Combine(full, "torch", "lib") }.FirstOrDefault(Holds);
    }

    private bool Holds(string folder) => File.Exists(Path.Combine(folder, names.Cpu));

    private string FindBridge(List<LoadStep> trace)
    {
        string? bridge = RuntimeSearchFolders.Select(folder => Path.Combine(folder, names.Bridge)).FirstOrDefault(File.Exists);
        if (bridge is null)
        {
            trace.Add(new LoadStep("locate", names.Bridge, false, $"not in {string.Join(", ", RuntimeSearchFolders)}"));
            throw new NativeLoadException(
                new NativeLoadFailure(
                    NativeLoadCause.FileMissing,
                    names.Bridge,
                    Sentence.Say($"no such file in {string.Join(", ", RuntimeSearchFolders)}"),
                    Sentence.Say($"TorchSharp's native library for {runtimeIdentifier}"),
                    Sentence.Say(
                        "build for linux-x64, win-x64, win-arm64 or osx-arm64 (TorchSharp has native libraries for these) and keep the program's folder complete"
                    )
                ),
                trace
            );
        }
        trace.Add(new LoadStep("locate", bridge, true, "TorchSharp's native library"));
        return bridge;
    }

    private string FindExternal(string externalFolder, List<LoadStep> trace)
    {
        if (FindGiven(externalFolder) is { } found)
        {
            trace.Add(new LoadStep("locate", found, true, $"the given libtorch, holds {names.Cpu}"));
            return found;
        }
        string there = !Directory.Exists(externalFolder) ? "no such folder" : $"a folder without {names.Cpu}";
        trace.Add(new LoadStep("locate", externalFolder, false, there));
        throw new NativeLoadException(
            new NativeLoadFailure(
                NativeLoadCause.FileMissing,
                Path.Combine(externalFolder, names.Cpu),
                there,
                Sentence.Say($"the folder that holds {names.Cpu}"),
                Sentence.Say(
                    "give the torch/lib folder of a Python install (python -c \"import torch, os; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))\") or the lib folder of an unpacked libtorch"
                )
            ),
            trace
        );
    }

    private NativeLoadException MissingLibTorch(List<LoadStep> trace)
    {
        string searched = string.Join(", ", RuntimeSearchFolders.Append(Path.Combine(baseDirectory, "libtorch")));
        trace.Add(new LoadStep("locate", names.Cpu, false, $"not in {searched}"));
        return new NativeLoadException(
            new NativeLoadFailure(
                NativeLoadCause.FileMissing,
                names.Cpu,
                Sentence.Say($"no such file in {searched}"),
                FormattableString.Invariant($"libtorch {LibTorchVersion.Expected}"),
                Sentence.Say(
                    $"reference a libtorch package (libtorch-cpu-{runtimeIdentifier} {LibTorchVersion.Expected}), or name a libtorch with LATENTSYNC_LIBTORCH or ⟦LibTorchFolder⟧"
                )
            ),
            trace
        );
    }
}
