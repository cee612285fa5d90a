using System.Xml.Linq;
using LatentSync.Testing;

namespace LatentSync.Architecture.Tests;

/// <summary>Dependencies point one way: a project references only projects above it in this list.</summary>
public sealed class LayeringTests
{
    private static readonly Dictionary<string, string[]> AllowedReferences = new()
    {
        ["LatentSync.Foundation"] = [],
        ["LatentSync.Attention"] = ["LatentSync.Foundation"],
        ["LatentSync.Checkpoints"] = ["LatentSync.Foundation"],
        ["LatentSync.Media"] = ["LatentSync.Foundation"],
        ["LatentSync.Weights"] = ["LatentSync.Foundation"],
        ["LatentSync.Platform"] = ["LatentSync.Attention", "LatentSync.Foundation"],
        ["LatentSync.Attention.Torch"] = ["LatentSync.Attention", "LatentSync.Platform", "LatentSync.Foundation"],
        ["LatentSync.Models"] = ["LatentSync.Attention.Torch", "LatentSync.Checkpoints", "LatentSync.Foundation"],
        ["LatentSync"] = ["LatentSync.Models", "LatentSync.Media"],
        ["LatentSync.Doctor"] = ["LatentSync"],
        ["LatentSync.Evaluation"] = ["LatentSync"],
        ["LatentSync.Lab"] = ["LatentSync"],
        ["LatentSync.Training"] = ["LatentSync.Evaluation"],
        ["LatentSync.Cli"] = ["LatentSync.Doctor", "LatentSync.Lab", "LatentSync.Training", "LatentSync.Weights"],
    };

    private static readonly Dictionary<string, string[]> AllowedPackages = new()
    {
        ["LatentSync.Attention"] = ["System.Numerics.Tensors"],
        ["LatentSync.Foundation"] = [],
        ["LatentSync.Checkpoints"] = [],
        ["LatentSync.Media"] = ["Microsoft.ML.OnnxRuntime", "OpenCvSharp4*", "SkiaSharp*"],
        ["LatentSync.Platform"] = [],
        ["LatentSync.Weights"] = [],
        ["LatentSync.Attention.Torch"] = ["TorchSharp*", "libtorch-*", "SkiaSharp", "SharpZipLib", "Microsoft.Extensions.*"],
        ["LatentSync.Models"] = ["SharpYaml"],
        ["LatentSync"] = [],
        ["LatentSync.Doctor"] = [],
        ["LatentSync.Evaluation"] = ["SkiaSharp"],
        ["LatentSync.Lab"] = [],
        ["LatentSync.Training"] = ["SkiaSharp"],
        ["LatentSync.Cli"] = ["System.CommandLine", "Spectre.Console"],
    };

    public static TheoryData<string> Projects() =>
        [.. Directory.GetDirectories(RepositoryRoot.PathOf("src")).Select(d => Path.GetFileName(d)).Order()];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_References_OnlyLayersAboveIt(string project)
    {
        Assert.True(
            AllowedReferences.TryGetValue(project, out string[]? allowed),
            $"src/{project} is not in the layering table: add it where it belongs."
        );
        foreach (XElement reference in Load(project).Descendants("ProjectReference"))
        {
            string other = Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/'));
            Assert.True(allowed!.Contains(other), $"{project} must not reference {other}.");
        }
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_Packages_AreTheOnesOfItsLayer(string project)
    {
        string[] allowed = AllowedPackages.GetValueOrDefault(project) ?? [];
        foreach (XElement reference in Load(project).Descendants("PackageReference"))
        {
            string package = reference.Attribute("Include")!.Value;
            Assert.True(
                allowed.Any(a => a.EndsWith('*') ? package.StartsWith(a[..^1], StringComparison.Ordinal) : package == a),
                $"{project} must not use the package {package}."
            );
            Assert.True(reference.Attribute("Version") is null, $"{package}: versions belong in Directory.Packages.props.");
        }
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_HasATestProject(string project) =>
        Assert.True(
            File.Exists(RepositoryRoot.PathOf("tests", $"{project}.Tests", $"{project}.Tests.csproj")),
            $"tests/{project}.Tests is missing."
        );

    [Fact]
    public void Solution_ListsEveryProject()
    {
        string solution = File.ReadAllText(RepositoryRoot.PathOf("LatentSync.slnx"));
        foreach (
            string file in Directory
                .GetFiles(RepositoryRoot.PathOf("src"), "*.csproj", SearchOption.AllDirectories)
                .Concat(Directory.GetFiles(RepositoryRoot.PathOf("tests"), "*.csproj", SearchOption.AllDirectories))
                .Concat(Directory.GetFiles(RepositoryRoot.PathOf("bench"), "*.csproj", SearchOption.AllDirectories))
        )
        {
            Assert.Contains(Path.GetFileName(file), solution, StringComparison.Ordinal);
        }
    }

    /// <summary>Benchmarks use the layers; no layer uses them, and no test but their own.</summary>
    [Fact]
    public void Benchmarks_AreReferencedByTheirTestsOnly()
    {
        foreach (
            string file in Directory
                .GetFiles(RepositoryRoot.PathOf("src"), "*.csproj", SearchOption.AllDirectories)
                .Concat(Directory.GetFiles(RepositoryRoot.PathOf("tests"), "*.csproj", SearchOption.AllDirectories))
        )
        {
            Assert.DoesNotContain(
                XDocument.Load(file).Descendants("ProjectReference"),
                reference =>
                    Path.GetFileNameWithoutExtension(file) != "LatentSync.Benchmarks.Tests"
                    && reference.Attribute("Include")!.Value.Contains("Benchmarks", StringComparison.Ordinal)
            );
            Assert.DoesNotContain(
                XDocument.Load(file).Descendants("PackageReference"),
                reference => reference.Attribute("Include")!.Value == "BenchmarkDotNet"
            );
        }
    }

    private static XDocument Load(string project) => XDocument.Load(RepositoryRoot.PathOf("src", project, $"{project}.csproj"));
}
