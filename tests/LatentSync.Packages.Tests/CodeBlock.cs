using System.Globalization;
using LatentSync.Testing;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace LatentSync.Packages.Tests;

/// <summary>A C# block of a page.</summary>
/// <param name="Page">Path from the repository's root.</param>
/// <param name="Line">Line of its first line of code, from 1.</param>
/// <param name="Code">The code.</param>
public sealed record CodeBlock(string Page, int Line, string Code)
{
    /// <summary>All C# blocks of a page, in order.</summary>
    public static IReadOnlyList<CodeBlock> Of(string page)
    {
        var blocks = new List<CodeBlock>();
        string[] lines = File.ReadAllLines(RepositoryRoot.PathOf(page.Split('/')));
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim() == "```csharp")
            {
                int end = Array.FindIndex(lines, i + 1, line => line.Trim() == "```");
                blocks.Add(new CodeBlock(page, i + 2, string.Join('\n', lines[(i + 1)..end])));
                i = end;
            }
        }
        return blocks;
    }

    /// <summary>The block as a program. A page's first block is its reader's context: the others stand in a scope of their own
    /// after it.</summary>
    public string ToProgram(CodeBlock first)
    {
        CompilationUnitSyntax context = Parse(first.Code),
            own = Parse(Code);
        bool isFirst = ReferenceEquals(first, this);
        IEnumerable<string> usings = context.Usings.Concat(isFirst ? [] : own.Usings).Select(line => line.ToString()).Distinct();
        string line = string.Create(CultureInfo.InvariantCulture, $"#line {Line} \"{Page}\"\n");
        return string.Join('\n', [.. usings, Statements(context), isFirst ? "" : $"{{\n{line}{Statements(own)}\n}}"]);
    }

    private static CompilationUnitSyntax Parse(string code) => SyntaxFactory.ParseCompilationUnit(code);

    private static string Statements(CompilationUnitSyntax unit) =>
        string.Concat(unit.Members.OfType<GlobalStatementSyntax>().Select(member => member.ToFullString()));
}
