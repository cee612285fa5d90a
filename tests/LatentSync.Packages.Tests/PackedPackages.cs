using System.IO.Compression;
using System.Reflection;
using System.Xml.Linq;
using LatentSync.Testing;

namespace LatentSync.Packages.Tests;

/// <summary>The tests that share one packing.</summary>
[CollectionDefinition(nameof(PackedPackages))]
public sealed class PackedPackagesTests : ICollectionFixture<PackedPackages>;

/// <summary>The four packages, packed once from what is built, under a version that no cache can know.</summary>
public sealed class PackedPackages : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>What is packed.</summary>
    public static IReadOnlyList<string> Names { get; } =
    ["LatentSync.Foundation", "LatentSync.Attention", "LatentSync.Platform", "LatentSync.Attention.Torch"];

    /// <summary>A private folder, laid out as the repository is.</summary>
    public string Root => _folder.Path;

    /// <summary>Where the packages lie, seen from <see cref="Root"/> as in the repository.</summary>
    public string Folder => Path.Combine(Root, "artifacts", "package", "release");

    /// <summary>Version of this packing.</summary>
    public string Version { get; } = $"{Metadata("Version")}-test{Guid.NewGuid():N}"[..32];

    /// <summary>"Release" or "Debug", as this test was built.</summary>
    public static string Configuration { get; } =
        Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory))
            .StartsWith("debug", StringComparison.OrdinalIgnoreCase)
            ? "Debug"
            : "Release";

    /// <summary>A value the build wrote into this assembly.</summary>
    public static string Metadata(string key) =>
        typeof(PackedPackages).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(item => item.Key == key).Value!;

    public async ValueTask InitializeAsync()
    {
        foreach (string name in Names)
        {
            await DotnetAsync(
                Root,
                "pack",
                RepositoryRoot.PathOf("src", name),
                "--no-build",
                "-c",
                Configuration,
                "-o",
                Folder,
                $"-p:Version={Version}"
            );
        }
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Runs the .NET SDK; fails the test with what it said.</summary>
    public static async Task<string> DotnetAsync(string folder, params string[] arguments)
    {
        string dotnet = ProgramRun.Find("dotnet") ?? throw new FileNotFoundException("dotnet is not in PATH");
        // No servers: they would outlive the call and keep its output open.
        ProgramRun run = await ProgramRun.RunAsync(
            new ProgramStart(dotnet, [.. arguments, "-nologo", "-v", "quiet", "-nodeReuse:false", "-p:UseSharedCompilation=false"])
            {
                Folder = folder,
                Limit = TimeSpan.FromMinutes(10), // on a busy machine
                Variables = new Dictionary<string, string?> { ["MSBUILDDISABLENODEREUSE"] = "1", ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0" },
            }
        );
        Assert.True(run.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}\n{run.Output}\n{run.Errors}");
        return run.Output;
    }

    /// <summary>Opens a package.</summary>
    /// <param name="name">Project's name.</param>
    /// <param name="extension">"nupkg" or "snupkg".</param>
    public ZipArchive Open(string name, string extension = "nupkg") =>
        ZipFile.OpenRead(Path.Combine(Folder, $"{name}.{Version}.{extension}"));

    /// <summary>The package's description of itself.</summary>
    public XElement Metadata(ZipArchive package)
    {
        using Stream nuspec = package.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        return XDocument.Load(nuspec).Root!.Elements().Single();
    }
}
