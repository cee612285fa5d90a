using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using LatentSync.Testing;

namespace LatentSync.Packages.Tests;

[Collection(nameof(PackedPackages))]
[Trait("Category", "Integration")]
public sealed class PackageTests(PackedPackages packages)
{
    private static readonly Dictionary<string, string[]> Dependencies = new()
    {
        ["LatentSync.Attention"] = ["LatentSync.Foundation", "System.Numerics.Tensors"],
        ["LatentSync.Foundation"] = [],
        ["LatentSync.Platform"] = ["LatentSync.Attention", "LatentSync.Foundation", "System.Numerics.Tensors"],
        ["LatentSync.Attention.Torch"] =
        [
            "LatentSync.Attention",
            "LatentSync.Foundation",
            "LatentSync.Platform",
            "Microsoft.Extensions.DependencyInjection.Abstractions",
            "Microsoft.Extensions.Diagnostics.HealthChecks",
            "Microsoft.Extensions.Logging.Abstractions",
            "Microsoft.Extensions.Options",
            "System.Numerics.Tensors",
            "TorchSharp",
        ],
    };

    public static TheoryData<string> Names() => [.. PackedPackages.Names];

    [Fact]
    public void Projects_ThatPack_AreTheseAndTheTool()
    {
        IEnumerable<string> packable = Directory
            .GetFiles(RepositoryRoot.Find(), "*.csproj", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 })
            .Where(file => XDocument.Load(file).Descendants("IsPackable").Any(element => element.Value == "true"))
            .Select(file => Path.GetFileNameWithoutExtension(file));
        Assert.Equal(PackedPackages.Names.Append("LatentSync.Cli").Order(StringComparer.Ordinal), packable.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Package_Holds_LibraryDocumentationReadmeAndNotice(string name)
    {
        using ZipArchive package = packages.Open(name);
        string[] files = [.. package.Entries.Select(entry => entry.FullName)];
        Assert.Subset(
            files.ToHashSet(),
            new HashSet<string> { $"lib/net10.0/{name}.dll", $"lib/net10.0/{name}.xml", "README.md", "NOTICE" }
        );
        Assert.DoesNotContain(
            files,
            file => file.Contains("torch_cpu", StringComparison.Ordinal) || file.StartsWith("content", StringComparison.Ordinal)
        );
        Assert.InRange(package.Entries.Sum(entry => entry.Length), 1, 4 << 20);
        using ZipArchive symbols = packages.Open(name, "snupkg");
        Assert.Contains(symbols.Entries, entry => entry.FullName == $"lib/net10.0/{name}.pdb");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Package_Describes_Itself(string name)
    {
        using ZipArchive package = packages.Open(name);
        XElement metadata = packages.Metadata(package);
        string? Text(string element) => metadata.Elements().SingleOrDefault(child => child.Name.LocalName == element)?.Value;
        Assert.Equal(name, Text("id"));
        Assert.Equal(packages.Version, Text("version"));
        Assert.Equal("Apache-2.0", Text("license"));
        Assert.Equal("README.md", Text("readme"));
        Assert.InRange(Text("description")!.Length, 40, 400);
        Assert.InRange(Text("tags")!.Split(' ').Length, 3, 20);
        Assert.Null(Text("projectUrl")); // none is known
        XElement[] dependencies = [.. metadata.Descendants().Where(element => element.Name.LocalName == "dependency")];
        Assert.Equal(Dependencies[name], dependencies.Select(element => element.Attribute("id")!.Value).Order(StringComparer.Ordinal));
        Assert.All(
            dependencies.Where(element => element.Attribute("id")!.Value.StartsWith("LatentSync.", StringComparison.Ordinal)),
            element => Assert.Equal(packages.Version, element.Attribute("version")!.Value)
        );
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Package_Build_IsReproducible(string name)
    {
        using ZipArchive package = packages.Open(name),
            symbols = packages.Open(name, "snupkg");
        using var library = new PEReader(Copy(package.GetEntry($"lib/net10.0/{name}.dll")!));
        Assert.Contains(library.ReadDebugDirectory(), entry => entry.Type == DebugDirectoryEntryType.Reproducible);
        using MetadataReaderProvider debug = MetadataReaderProvider.FromPortablePdbStream(
            Copy(symbols.GetEntry($"lib/net10.0/{name}.pdb")!)
        );
        MetadataReader reader = debug.GetMetadataReader();
        string[] documents = [.. reader.Documents.Select(handle => reader.GetString(reader.GetDocument(handle).Name))];
        Assert.NotEmpty(documents);
        Assert.All(documents, path => Assert.StartsWith("/_/", path, StringComparison.Ordinal)); // no folder of the machine that built it
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Package_PublicSurface_IsWrittenDown(string name)
    {
        // The analyzer compares the files with the code, but stays silent where there is none.
        string shipped = RepositoryRoot.PathOf("src", name, "PublicAPI.Shipped.txt"),
            unshipped = RepositoryRoot.PathOf("src", name, "PublicAPI.Unshipped.txt");
        int entries = File.ReadAllLines(shipped).Length + File.ReadAllLines(unshipped).Length - 2;
        Assert.True(entries > 18, $"{name}: run scripts/public-api");
        Assert.Equal("#nullable enable", File.ReadLines(shipped).First());
    }

    private static MemoryStream Copy(ZipArchiveEntry entry)
    {
        var copy = new MemoryStream();
        using Stream content = entry.Open();
        content.CopyTo(copy);
        copy.Position = 0;
        return copy;
    }
}
