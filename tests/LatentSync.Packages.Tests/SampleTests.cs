using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using LatentSync.Testing;

namespace LatentSync.Packages.Tests;

/// <summary>The sample as its reader runs it: restored from a folder of packages, built, run.</summary>
[Collection(nameof(PackedPackages))]
[Trait("Category", "Integration")]
public sealed partial class SampleTests(PackedPackages packages)
{
    [Fact]
    public async Task FastAttention_FromThePackages_ComputesAndNamesTheBackend()
    {
        Assert.SkipUnless(
            RuntimeInformation.ProcessArchitecture == Architecture.X64 || OperatingSystem.IsMacOS(),
            "libtorch's packages are for linux-x64, win-x64 and osx-arm64"
        );
        CopySamples();
        string project = Path.Combine(packages.Root, "samples", "FastAttention");

        // Ours come from the local folder into a private cache; what others made is taken from the cache of this machine, not downloaded
        // again.
        await PackedPackages.DotnetAsync(
            project,
            "build",
            "-c",
            "Release",
            $"-p:LatentSyncVersion={packages.Version}",
            $"-p:RestorePackagesPath={Path.Combine(packages.Root, "packages")}",
            $"-p:RestoreFallbackFolders={PackedPackages.Metadata("PackageFolder")}",
            "-p:NuGetAudit=false",
            "-p:CreateHardLinksForCopyLocalIfPossible=true"
        );
        ProgramRun run = await ProgramRun.RunAsync(
            new ProgramStart(ProgramRun.Find("dotnet")!, Path.Combine(project, "bin", "Release", "net10.0", "FastAttention.dll"))
            {
                Folder = packages.Root,
                Variables = new Dictionary<string, string?> { ["LATENTSYNC_ATTENTION"] = null, ["LATENTSYNC_LIBTORCH"] = null },
            }
        );

        Assert.True(run.ExitCode == 0, run.Output + run.Errors);
        Assert.Contains("managed-flash: runs", run.Output, StringComparison.Ordinal);
        Assert.Contains("ran: managed-flash x1 for sample", run.Output, StringComparison.Ordinal);
        double error = double.Parse(LargestDifference().Match(run.Output).Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.InRange(error, 1e-9, 1e-5); // float32 against float64: small, and not nothing
        string[] restored =
        [
            .. Directory
                .GetDirectories(Path.Combine(packages.Root, "packages"))
                .Select(path => Path.GetFileName(path))
                .Order(StringComparer.Ordinal),
        ];
        Assert.Subset(restored.ToHashSet(), PackedPackages.Names.Select(name => name.ToLowerInvariant()).ToHashSet());
    }

    [Fact]
    public void Sample_Version_IsOurs()
    {
        XDocument sample = XDocument.Load(RepositoryRoot.PathOf("samples", "FastAttention", "FastAttention.csproj"));
        Assert.Equal(PackedPackages.Metadata("Version"), sample.Descendants("LatentSyncVersion").Single().Value);
    }

    private void CopySamples()
    {
        string from = RepositoryRoot.PathOf("samples"),
            to = Path.Combine(packages.Root, "samples");
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string path = Path.GetRelativePath(from, file);
            if (!path.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"))
            {
                Directory.CreateDirectory(Path.Combine(to, Path.GetDirectoryName(path)!));
                File.Copy(file, Path.Combine(to, path));
            }
        }
        // TorchSharp asks for older versions of these than the rest of the repository restores: without this line they would be downloaded.
        File.WriteAllText(
            Path.Combine(to, "Directory.Build.targets"),
            $"""
            <Project>
              <ItemGroup>
                <PackageReference Include="SkiaSharp" Version="{PackedPackages.Metadata("SkiaSharpVersion")}" />
                <PackageReference Include="SharpZipLib" Version="{PackedPackages.Metadata("SharpZipLibVersion")}" />
              </ItemGroup>
            </Project>
            """
        );
    }

    [GeneratedRegex(@"largest difference from float64: (\S+)")]
    private static partial Regex LargestDifference();
}
