using System.Runtime.InteropServices;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Platform.Elf;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.LibTorch;

/// <summary>
/// Loads libtorch and TorchSharp's bridge, once per process and before the first touch of TorchSharp: locate, inspect what
/// is needed, load libtorch by absolute paths (so that no second copy can come in), repair the bridge if this system's
/// libstdc++ is too old for it, load it, check that libtorch has what the bridge calls.
/// </summary>
public sealed class LibTorchLoader
{
    private static readonly Lock Gate = new();
    private static LibTorchLoad? _loaded;
    private static LibTorchOptions? _loadedWith;
    private static NativeLoadException? _failed;

    private readonly LibTorchLocator _locator;
    private readonly LibTorchNames _names;
    private readonly PlatformSettings _settings;
    private readonly List<LoadStep> _trace = [];
    private readonly List<string> _warnings = [];

    internal LibTorchLoader(LibTorchLocator locator, LibTorchNames names, PlatformSettings settings)
    {
        _locator = locator;
        _names = names;
        _settings = settings;
    }

    /// <summary>Reads the files mapped into the process.</summary>
    internal Func<IReadOnlyList<string>> Mapped { get; init; } = () => MappedLibraries.Read();

    /// <summary>Loads a library by its path.</summary>
    internal Func<string, nint> LoadLibrary { get; init; } = NativeLibrary.Load;

    /// <summary>Where a copy goes that cannot be kept.</summary>
    internal string TemporaryFolder { get; init; } = Path.GetTempPath();

    /// <summary>What was loaded by <see cref="EnsureLoaded"/>; null before.</summary>
    public static LibTorchLoad? Loaded
    {
        get
        {
            lock (Gate)
            {
                return _loaded;
            }
        }
    }

    /// <summary>Loads libtorch; later calls give the first call's result. Safe from several threads.</summary>
    /// <param name="options">Which libtorch. null means: whichever is loaded or, the first time, what the environment says.</param>
    /// <exception cref="NativeLoadException">It cannot be loaded, and why; or it is already loaded with other options.</exception>
    public static LibTorchLoad EnsureLoaded(LibTorchOptions? options = null)
    {
        lock (Gate)
        {
            if (_loaded is not null)
            {
                return options is null || options == _loadedWith || SameFolder(options, _loaded)
                    ? _loaded
                    : throw AlreadyLoaded(options, _loaded);
            }
            if (_failed is not null && (options is null || options == _loadedWith))
            {
                // A second attempt would find half of the first one's libraries in the process.
                throw new NativeLoadException(_failed.Failure, _failed.Trace, _failed);
            }
            PlatformSettings settings = PlatformSettings.FromEnvironment();
            LibTorchOptions effective = options ?? new LibTorchOptions();
            settings = settings with
            {
                LibTorchFolder = effective.Folder ?? settings.LibTorchFolder,
                CacheFolder = effective.CacheFolder ?? settings.CacheFolder,
            };
            _loadedWith = effective;
            try
            {
                _loaded = new LibTorchLoader(LibTorchLocator.ForThisProcess(), LibTorchNames.Current, settings).Load();
                return _loaded;
            }
            catch (NativeLoadException failure)
            {
                _failed = failure;
                throw;
            }
        }
    }

    /// <summary>Does the work, each time it is called.</summary>
    internal LibTorchLoad Load()
    {
        LibTorchLocation location = Adopt(_locator.Locate(_settings.LibTorchFolder, _trace));
        RefuseSecondCopy(location);
        foreach (string file in new[] { location.BridgePath, Path.Combine(location.Folder, _names.Cpu) })
        {
            if (NativeLoadDiagnosis.ExamineFile(file) is { } problem)
            {
                throw Failed("inspect", problem, null);
            }
        }
        (string? version, string? flavor) = LibTorchVersion.Read(location.Folder);
        _trace.Add(
            new LoadStep("inspect", location.Folder, true, $"libtorch {version ?? "of unknown version"}, {flavor ?? "unknown flavour"}")
        );
        WarnOfVersion(location, version);

        (nint handle, string path, bool repaired, bool isKept) = OperatingSystem.IsLinux()
            ? LoadInspected(location, version)
            : LoadInKnownOrder(location);
        WarnOfMissingExports(location, handle, version);
        return new LibTorchLoad(
            location.Folder,
            location.IsExternal,
            version,
            flavor ?? "unknown",
            path,
            repaired,
            isKept ? path : null,
            _warnings,
            _trace
        )
        {
            BridgeHandle = handle,
        };
    }

    private (nint Handle, string Path, bool Repaired, bool IsKept) LoadInspected(LibTorchLocation location, string? version)
    {
        var search = new DependencySearch
        {
            OwnFolders = OwnFolders(location),
            Mapped = Mapped(),
            LibraryPath = _settings.LibraryPath,
        };
        List<string> roots = _names.LoadOrder.Select(name => Path.Combine(location.Folder, name)).Where(File.Exists).ToList();
        DependencyGraph libraries = Inspect(roots, search);
        if (libraries.VersionProblems.Count > 0)
        {
            throw Failed("inspect", NativeLoadDiagnosis.Version(libraries.VersionProblems[0]), null);
        }
        if (CxxAbi.Objection(Path.Combine(location.Folder, "libc10.so")) is { } otherAbi)
        {
            throw Failed("inspect", otherAbi, null);
        }
        DependencyGraph bridge = Inspect([location.BridgePath], search);
        // The bridge's own problems are found before libtorch is loaded: that takes a second and cannot be undone.
        byte[]? repaired = bridge.VersionProblems.Count == 0 ? null : RepairBridge(location, bridge);
        foreach (string library in libraries.LoadOrder)
        {
            LoadOrExplain(library, search);
        }
        LoadNamedAtRunTime(location);
        try
        {
            return repaired is null
                ? (LoadOrExplain(location.BridgePath, search), location.BridgePath, false, false)
                : LoadRepaired(location.BridgePath, repaired, search);
        }
        catch (NativeLoadException refused)
            when (refused.Failure.Cause == NativeLoadCause.SymbolMissing && version != LibTorchVersion.Expected)
        {
            throw Failed("load", OtherVersion(refused.Failure, version), refused);
        }
    }

    /// <summary>Libraries that others open by name at run time without knowing where they lie: in PyTorch's wheels cuDNN asks for NVRTC so
    /// (pytorch issue 145580), and without it cuDNN has no attention kernel. Once loaded by path, the loader finds it by its
    /// name.</summary>
    private void LoadNamedAtRunTime(LibTorchLocation location)
    {
        if (!File.Exists(Path.Combine(location.Folder, "libtorch_cuda.so")))
        {
            return;
        }
        string? runtimeCompiler = OwnFolders(location)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "libnvrtc.so.*"))
            .Order(StringComparer.Ordinal)
            .FirstOrDefault(file => !file.Contains(".alt.", StringComparison.Ordinal));
        if (runtimeCompiler is null || MappedLibraries.Find(Mapped(), Path.GetFileName(runtimeCompiler)) is not null)
        {
            return;
        }
        try
        {
            LoadLibrary(runtimeCompiler);
            _trace.Add(new LoadStep("load", runtimeCompiler, true, "loaded, for cuDNN"));
        }
        catch (Exception thrown) when (thrown is DllNotFoundException or BadImageFormatException)
        {
            // libtorch runs without it; cuDNN then says so, and another backend runs.
            _trace.Add(new LoadStep("load", runtimeCompiler, false, thrown.Message.ReplaceLineEndings(" ")));
        }
    }

    private static NativeLoadFailure OtherVersion(NativeLoadFailure failure, string? version) =>
        failure with
        {
            Found = $"libtorch {version ?? "of unknown version"}, which has no {failure.Subject}",
            Required = FormattableString.Invariant(
                $"libtorch {LibTorchVersion.Expected}, which TorchSharp {LibTorchVersion.TorchSharp} was built against"
            ),
            Remedy = FormattableString.Invariant(
                $"give the torch/lib folder of PyTorch {LibTorchVersion.Expected} (pip install torch=={LibTorchVersion.Expected} in an environment of its own)"
            ),
        };

    private byte[] RepairBridge(LibTorchLocation location, DependencyGraph bridge)
    {
        if (bridge.VersionProblems.FirstOrDefault(problem => problem.Library != location.BridgePath) is { } foreign)
        {
            throw Failed("inspect", NativeLoadDiagnosis.Version(foreign), null);
        }
        return SymbolVersionRepair.Repair(location.BridgePath, bridge.VersionProblems, _trace);
    }

    private (nint Handle, string Path, bool Repaired, bool IsKept) LoadRepaired(string original, byte[] repaired, DependencySearch search)
    {
        var cache = new RepairedLibraryCache(_settings.CacheFolder, TemporaryFolder);
        string name = RepairedLibraryCache.FileName(original, InputFile.ReadAllBytes(original, SymbolVersionRepair.LargestLibrary));
        NativeLoadException? last = null;
        foreach (RepairedCopy copy in cache.Places(name, repaired, _trace))
        {
            using (copy)
            {
                try
                {
                    return (LoadOrExplain(copy.Path, search), copy.Path, true, copy.IsKept);
                }
                catch (NativeLoadException refused)
                {
                    last = refused; // for instance a cache on a noexec file system: the next place may be better
                }
            }
        }
        throw last
            ?? Failed(
                "repair",
                new NativeLoadFailure(
                    NativeLoadCause.Refused,
                    original,
                    Sentence.Say("no place for a repaired copy: neither the cache folder nor the temporary folder nor memory"),
                    Sentence.Say("a folder this user may write"),
                    Sentence.Say("set LATENTSYNC_CACHE to a folder that can be written and from which programs may run")
                ),
                null
            );
    }

    private (nint Handle, string Path, bool Repaired, bool IsKept) LoadInKnownOrder(LibTorchLocation location)
    {
        var search = new DependencySearch { OwnFolders = [location.Folder] };
        foreach (string library in _names.LoadOrder.Select(name => Path.Combine(location.Folder, name)).Where(File.Exists))
        {
            LoadOrExplain(library, search);
        }
        return (LoadOrExplain(location.BridgePath, search), location.BridgePath, false, false);
    }

    private nint LoadOrExplain(string path, DependencySearch search)
    {
        try
        {
            nint handle = LoadLibrary(path);
            _trace.Add(new LoadStep("load", path, true, "loaded"));
            return handle;
        }
        catch (Exception thrown) when (thrown is DllNotFoundException or BadImageFormatException)
        {
            throw Failed("load", NativeLoadDiagnosis.Diagnose(path, thrown, search), thrown);
        }
    }

    private DependencyGraph Inspect(IReadOnlyList<string> roots, DependencySearch search)
    {
        DependencyGraph graph;
        try
        {
            graph = DependencyGraph.Build(roots, search);
        }
        catch (ElfFormatException damaged)
        {
            string remedy = Sentence.Say($"replace {damaged.File} with an intact copy (restore or reinstall the program)");
            throw Failed(
                "inspect",
                new NativeLoadFailure(
                    NativeLoadCause.FileDamaged,
                    damaged.File,
                    damaged.Message,
                    Sentence.Say("an intact library"),
                    remedy
                ),
                damaged
            );
        }
        if (graph.Missing.Count > 0)
        {
            throw Failed("inspect", NativeLoadDiagnosis.Missing(graph.Missing), null);
        }
        string libstdcxx = graph.Providers.GetValueOrDefault("libstdc++.so.6", "no libstdc++");
        _trace.Add(new LoadStep("inspect", roots[^1], true, $"all needed libraries are there ({libstdcxx})"));
        return graph;
    }

    /// <summary>The libtorch folder, and the CUDA libraries that Python's packages keep in nvidia/*/lib beside torch.</summary>
    private static List<string> OwnFolders(LibTorchLocation location)
    {
        var folders = new List<string> { location.Folder };
        string nvidia = Path.GetFullPath(Path.Combine(location.Folder, "..", "..", "nvidia"));
        if (location.IsExternal && Directory.Exists(nvidia))
        {
            folders.AddRange(
                Directory
                    .EnumerateDirectories(nvidia)
                    .Select(package => Path.Combine(package, "lib"))
                    .Where(Directory.Exists)
                    .Order(StringComparer.Ordinal)
            );
        }
        return folders;
    }

    /// <summary>If some libtorch is in the process already, it is the one to use: a second one would abort the process.</summary>
    private LibTorchLocation Adopt(LibTorchLocation location)
    {
        if (MappedLibraries.Find(Mapped(), _names.Cpu) is not { } present || SameFile(present, Path.Combine(location.Folder, _names.Cpu)))
        {
            return location;
        }
        if (location.IsExternal)
        {
            throw Failed(
                "locate",
                Second(location, present, "call TorchRuntime.EnsureLoaded with these options before anything else loads libtorch"),
                null
            );
        }
        _trace.Add(new LoadStep("locate", present, true, "this libtorch is already loaded in the process and is used"));
        return location with { Folder = Path.GetDirectoryName(present)!, IsExternal = true };
    }

    /// <summary>TorchSharp's own start-up loads a libtorch_cpu from the folders that .NET searches, whatever was loaded before.</summary>
    private void RefuseSecondCopy(LibTorchLocation location)
    {
        string chosen = Path.Combine(location.Folder, _names.Cpu);
        foreach (string other in _locator.RuntimeSearchFolders.Select(folder => Path.Combine(folder, _names.Cpu)))
        {
            if (File.Exists(other) && !SameFile(other, chosen))
            {
                string remedy = $"build the program without its own libtorch (dotnet build -p:LibTorchFlavor=external), or remove {other}";
                throw Failed("locate", Second(location, other, remedy), null);
            }
        }
    }

    private NativeLoadFailure Second(LibTorchLocation location, string other, string remedy) =>
        new(
            NativeLoadCause.SecondLibTorch,
            Path.Combine(location.Folder, _names.Cpu),
            $"another libtorch at {other}",
            "one libtorch in a process (two abort it)",
            remedy
        );

    private void WarnOfVersion(LibTorchLocation location, string? version)
    {
        if (version is null && location.IsExternal)
        {
            _warnings.Add(
                $"The version of the libtorch in {location.Folder} is unknown; TorchSharp {LibTorchVersion.TorchSharp} was built against {LibTorchVersion.Expected}."
            );
        }
        else if (version is not null && version != LibTorchVersion.Expected)
        {
            _warnings.Add(
                $"The libtorch in {location.Folder} is {version}, but TorchSharp {LibTorchVersion.TorchSharp} was built against {LibTorchVersion.Expected}: calls whose meaning changed between the two may fail."
            );
        }
    }

    /// <summary>The loader binds functions at their first call, and a missing one ends the process there: better to know now.</summary>
    private void WarnOfMissingExports(LibTorchLocation location, nint handle, string? version)
    {
        if (!OperatingSystem.IsLinux() || (!location.IsExternal && version == LibTorchVersion.Expected))
        {
            return;
        }
        List<string> missing = BridgeImports.FindMissing(location.BridgePath, handle);
        _trace.Add(
            new LoadStep(
                "verify",
                location.BridgePath,
                missing.Count == 0,
                FormattableString.Invariant($"{missing.Count} of its functions are missing in this libtorch")
            )
        );
        if (missing.Count > 0)
        {
            string names = string.Join(", ", missing.Take(5)) + (missing.Count > 5 ? ", ..." : "");
            _warnings.Add(
                FormattableString.Invariant(
                    $"This libtorch ({version ?? "unknown version"}) lacks {missing.Count} functions that TorchSharp {LibTorchVersion.TorchSharp} can call ({names}): a call to one of them ends the process."
                )
            );
        }
    }

    private NativeLoadException Failed(string action, NativeLoadFailure failure, Exception? inner)
    {
        _trace.Add(new LoadStep(action, failure.File, false, $"{failure.Code}: {failure.Found}; required {failure.Required}"));
        return new NativeLoadException(failure, _trace.ToArray(), inner);
    }

    private static bool SameFile(string a, string b) =>
        Path.GetFullPath(a) == Path.GetFullPath(b) || (FileStatus.Of(a) is { } file && file.Identity == FileStatus.Of(b)?.Identity);

    private static bool SameFolder(LibTorchOptions options, LibTorchLoad loaded) =>
        options.Folder is not null
        && Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.Folder)) == Path.TrimEndingDirectorySeparator(loaded.Folder);

    private static NativeLoadException AlreadyLoaded(LibTorchOptions options, LibTorchLoad loaded) =>
        new(
            new NativeLoadFailure(
                NativeLoadCause.AlreadyLoaded,
                options.Folder ?? "libtorch",
                Sentence.Say($"the libtorch of {loaded.Folder}, which this process has loaded already"),
                options.Folder is null
                    ? Sentence.Say("libtorch from the program's folder")
                    : Sentence.Say($"libtorch from {options.Folder}"),
                Sentence.Say("give the options in the first call, before any tensor is made; a process can load only one libtorch")
            ),
            loaded.Trace
        );
}
