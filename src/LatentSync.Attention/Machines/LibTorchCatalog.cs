using LatentSync.Attention.Wording;

namespace LatentSync.Attention.Machines;

/// <summary>A published build of libtorch.</summary>
/// <param name="Version">"2.5", all its patch levels.</param>
/// <param name="Flavor">"cu124".</param>
/// <param name="Architectures">GPU architectures it holds code for, x86-64 Linux; "12.0+PTX" also runs on newer ones.</param>
/// <param name="CuDnn">Version of the cuDNN it brings.</param>
/// <param name="Source">Where the line comes from.</param>
public sealed record LibTorchBuild(string Version, string Flavor, IReadOnlyList<string> Architectures, string CuDnn, string Source)
{
    /// <summary>The CUDA version it was built for and brings: "12.4".</summary>
    public string Cuda => $"{Flavor[2..^1]}.{Flavor[^1]}";

    /// <summary>The oldest driver series that runs it on Linux; Windows' numbers start alike.</summary>
    /// <remarks>NVIDIA, CUDA compatibility, table 1: 11.x from 450, 12.x from 525, 13.x from 580.</remarks>
    public int MinimumDriver =>
        Flavor[2..^1] switch
        {
            "11" => 450,
            "12" => 525,
            _ => 580,
        };
}

/// <summary>What a described libtorch turns out to be.</summary>
/// <param name="LibTorch">Its facts, for a <see cref="Machine"/>.</param>
/// <param name="Build">The published build; null when the catalogue does not have it.</param>
/// <param name="Notes">What the user should know about the choice.</param>
public sealed record LibTorchAnswer(LibTorchInfo LibTorch, LibTorchBuild? Build, IReadOnlyList<Finding> Notes);

/// <summary>The builds of libtorch that PyTorch publishes for CUDA, so that rules can be asked about one that is not installed.</summary>
public static partial class LibTorchCatalog
{
    private static readonly Version FirstWithoutWindowsFlash = new(2, 2),
        FirstUnknownWindowsFlash = new(2, 8);

    /// <summary>The build of a version for a flavour; null when there is none or it is not known.</summary>
    /// <param name="version">"2.5.1"; the patch level does not matter.</param>
    /// <param name="flavor">"cu124".</param>
    public static LibTorchBuild? Find(string? version, string? flavor) =>
        Series(version) is { } series ? Builds.FirstOrDefault(build => build.Version == series && build.Flavor == flavor) : null;

    /// <summary>Every build of a version, the oldest CUDA first; empty when the version is not known.</summary>
    /// <param name="version">"2.5.1".</param>
    public static IReadOnlyList<LibTorchBuild> OfVersion(string? version) =>
        Series(version) is { } series ? [.. Builds.Where(build => build.Version == series)] : [];

    /// <summary>cuDNN's version on a machine: as it was found, else the one that the build of libtorch brings; null when unknown.</summary>
    /// <param name="machine">The machine.</param>
    public static Version? CuDnnOf(Machine machine) =>
        Versions.Parse(machine.Cuda?.CuDnn ?? Find(machine.LibTorch?.Version, machine.LibTorch?.Flavor)?.CuDnn);

    /// <summary>Whether a machine's libtorch has FlashAttention for CUDA; null when unknown.</summary>
    /// <param name="machine">The machine.</param>
    /// <remarks>Builds for Windows: with 2.0 and 2.1 (FlashAttention-1), without from 2.2 on (pytorch#108175, open); from 2.8 on not
    /// known.</remarks>
    public static bool? HasFlashAttention(Machine machine) =>
        machine.LibTorch is not { } library ? null
        : library.HasFlashAttention is { } known ? known
        : library.Flavor == "cpu" ? false
        : machine.OsFamily != OsFamily.Windows ? null
        : WindowsHasFlashAttention(library.Version);

    /// <summary>The libtorch that a user describes by its version and by the CUDA version of the machine's driver or toolkit.</summary>
    /// <param name="version">"2.5.1".</param>
    /// <param name="cuda">"11.7", as nvidia-smi or nvcc shows it; null when not said, "cpu" for a build without CUDA.</param>
    /// <param name="os">The operating system.</param>
    /// <returns>The build for exactly this CUDA, else the newest that its driver runs, else the oldest there is; the notes say
    /// which.</returns>
    public static LibTorchAnswer Describe(string version, string? cuda, OsFamily os)
    {
        ArgumentNullException.ThrowIfNull(version);
        if (cuda == "cpu" || os == OsFamily.MacOs)
        {
            return new LibTorchAnswer(new LibTorchInfo(version, "cpu", null, false, []), null, []);
        }
        IReadOnlyList<LibTorchBuild> builds = OfVersion(version);
        if (builds.Count == 0)
        {
            Finding unknown = Finding.Of(
                "the builds of libtorch {0} are not in the catalogue ({1} to {2}); rules about them refuse nothing",
                version,
                Builds[0].Version,
                Builds[^1].Version
            );
            string flavor = Versions.Parse(cuda) is { } given ? $"cu{given.Major}{given.Minor}" : "cuda";
            return new LibTorchAnswer(new LibTorchInfo(version, flavor, null, false, []), null, [unknown]);
        }
        var notes = new List<Finding>();
        LibTorchBuild build = Choose(builds, cuda, version, notes);
        var library = new LibTorchInfo(version, build.Flavor, null, false, build.Architectures)
        {
            HasFlashAttention = os == OsFamily.Windows ? WindowsHasFlashAttention(version) : true,
            HasEfficientAttention = true,
        };
        return new LibTorchAnswer(library, build, notes);
    }

    private static LibTorchBuild Choose(IReadOnlyList<LibTorchBuild> builds, string? cuda, string version, List<Finding> notes)
    {
        if (Versions.Parse(cuda) is not { } wanted)
        {
            return builds[^1];
        }
        if (builds.FirstOrDefault(candidate => Versions.Parse(candidate.Cuda) == wanted) is { } exact)
        {
            return exact;
        }
        // A driver runs what was built for its own major version or an older one.
        LibTorchBuild build = builds.LastOrDefault(candidate => Versions.Parse(candidate.Cuda)!.Major <= wanted.Major) ?? builds[0];
        bool runs = Versions.Parse(build.Cuda)!.Major <= wanted.Major;
        notes.Add(
            Finding.Of(
                "libtorch {0} was not built for CUDA {1} but for {2}; {3} is taken",
                version,
                cuda,
                string.Join(", ", builds.Select(candidate => candidate.Flavor)),
                build.Flavor
            )
        );
        notes.Add(
            runs
                ? Finding.Of(
                    "that is no obstacle: libtorch brings its own CUDA {0}; only the driver counts, {1} or newer",
                    build.Cuda,
                    build.MinimumDriver
                )
                : Finding.Of(
                    "libtorch brings its own CUDA {0}, but the driver of CUDA {1} is too old for it: {2} or newer is needed",
                    build.Cuda,
                    cuda,
                    build.MinimumDriver
                )
        );
        if (Builds.LastOrDefault(candidate => Versions.Parse(candidate.Cuda) == wanted) is { } last)
        {
            notes.Add(Finding.Of("the last libtorch built for CUDA {0} is {1}", cuda, last.Version));
        }
        return build;
    }

    private static bool? WindowsHasFlashAttention(string version) =>
        Versions.Parse(version) is not { } parsed || parsed >= FirstUnknownWindowsFlash ? null : parsed < FirstWithoutWindowsFlash;

    private static string? Series(string? version) => Versions.Parse(version) is { } parsed ? $"{parsed.Major}.{parsed.Minor}" : null;
}
