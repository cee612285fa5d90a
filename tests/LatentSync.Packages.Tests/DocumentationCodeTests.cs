using System.Reflection;
using LatentSync.Attention.Torch.Devices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace LatentSync.Packages.Tests;

/// <summary>The code that a reader copies from the packages' READMEs and the migration page: it compiles, and it runs.</summary>
[Trait("Category", "Integration")]
public sealed class DocumentationCodeTests
{
    private const string ImplicitUsings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; "
        + "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    private static readonly string[] Pages =
    [
        "docs/migrating.md",
        "src/LatentSync.Attention/README.md",
        "src/LatentSync.Attention.Torch/README.md",
        "src/LatentSync.Platform/README.md",
    ];

    private static readonly Lazy<MetadataReference[]> References = new(() =>
        [
            .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
                .Split(Path.PathSeparator)
                .Select(path => MetadataReference.CreateFromFile(path)),
        ]
    );

    public static TheoryData<string, int> Blocks()
    {
        var rows = new TheoryData<string, int>();
        foreach (CodeBlock block in Pages.SelectMany(CodeBlock.Of))
        {
            rows.Add(block.Page, block.Line);
        }
        return rows;
    }

    [Fact]
    public void Pages_EachHasCode() => Assert.All(Pages, page => Assert.NotEmpty(CodeBlock.Of(page)));

    [Theory]
    [MemberData(nameof(Blocks))]
    public void Block_AsItStands_CompilesAndRuns(string page, int line)
    {
        IReadOnlyList<CodeBlock> blocks = CodeBlock.Of(page);
        string program = blocks.Single(block => block.Line == line).ToProgram(blocks[0]);
        using var assembly = new MemoryStream();
        var compilation = CSharpCompilation.Create(
            "Block",
            [CSharpSyntaxTree.ParseText(ImplicitUsings), CSharpSyntaxTree.ParseText(program)],
            References.Value,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable)
        );
        var emitted = compilation.Emit(assembly);
        IEnumerable<Diagnostic> faults = emitted.Diagnostics.Where(found =>
            found.Severity == DiagnosticSeverity.Error || found.Id.StartsWith("CS86", StringComparison.Ordinal)
        );
        Assert.True(emitted.Success && !faults.Any(), string.Join('\n', faults) + "\n" + program);

        MethodInfo main = Assembly.Load(assembly.ToArray()).EntryPoint!;
        TextWriter console = Console.Out;
        using var output = new StringWriter();
        Console.SetOut(output);
        try
        {
            main.Invoke(null, main.GetParameters().Length == 0 ? null : [Array.Empty<string>()]);
        }
        finally
        {
            Console.SetOut(console);
        }
        if (program.Contains("Console.Write", StringComparison.Ordinal))
        {
            Assert.NotEqual("", output.ToString());
        }
    }

    [Fact]
    public void Readme_TorchSharpVersion_IsTheOneWeBuildWith()
    {
        string version = typeof(TorchSharp.torch).Assembly.GetName().Version!.ToString(3);
        Assert.Contains(
            $"--version {version}",
            File.ReadAllText(Testing.RepositoryRoot.PathOf("src", "LatentSync.Attention.Torch", "README.md")),
            StringComparison.Ordinal
        );
        Assert.NotNull(TorchRuntime.EnsureLoaded().Version);
    }
}
