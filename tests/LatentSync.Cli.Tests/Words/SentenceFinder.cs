using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace LatentSync.Cli.Tests.Words;

/// <summary>A sentence for people as it stands in a source file.</summary>
/// <param name="Template">The English words with their gaps, as <c>Sentence.Template</c> gives them; for words that are composed before
/// they become a sentence, the source.</param>
/// <param name="Place">File and line.</param>
/// <param name="IsLost">The words were composed as a text first, so that no translation can be found.</param>
internal sealed record FoundSentence(string Template, string Place, bool IsLost);

/// <summary>Finds every text of a project's sources that the compiler turns into a <c>Sentence</c>.</summary>
internal static class SentenceFinder
{
    private const string SentenceType = "LatentSync.Foundation.Wording.Sentence";

    private const string ImplicitUsings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; "
        + "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    // Read once for all projects: they are compiled with much the same.
    private static readonly ConcurrentDictionary<string, MetadataReference> References = [];

    /// <summary>The sentences of a project.</summary>
    /// <param name="folder">The project's folder; its name is the assembly's.</param>
    /// <param name="assemblies">Files of everything that it is compiled with; the project's own assembly is left out.</param>
    public static IReadOnlyList<FoundSentence> In(string folder, IEnumerable<string> assemblies)
    {
        string name = Path.GetFileName(folder);
        SyntaxTree[] trees =
        [
            CSharpSyntaxTree.ParseText(ImplicitUsings),
            .. Directory
                .EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)
                .Select(path => CSharpSyntaxTree.ParseText(File.ReadAllText(path), path: Path.GetRelativePath(folder, path))),
        ];
        var compilation = CSharpCompilation.Create(
            name,
            trees,
            assemblies.Where(path => Path.GetFileNameWithoutExtension(path) != name).Select(Reference),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true)
        );
        // Only the Foundation has the type in its own sources.
        INamedTypeSymbol sentence =
            compilation.GetTypeByMetadataName(SentenceType) ?? throw new InvalidOperationException($"{name} does not see {SentenceType}.");
        return [.. trees.SelectMany(tree => In(compilation.GetSemanticModel(tree), sentence))];
    }

    private static MetadataReference Reference(string path) => References.GetOrAdd(path, file => MetadataReference.CreateFromFile(file));

    private static IEnumerable<FoundSentence> In(SemanticModel model, INamedTypeSymbol sentence)
    {
        bool Becomes(ExpressionSyntax expression)
        {
            TypeInfo type = model.GetTypeInfo(expression);
            return SymbolEqualityComparer.Default.Equals(type.ConvertedType, sentence)
                && !SymbolEqualityComparer.Default.Equals(type.Type, sentence);
        }
        foreach (ExpressionSyntax expression in model.SyntaxTree.GetRoot().DescendantNodes().OfType<ExpressionSyntax>())
        {
            // "(Sentence)text" converts the text, not itself.
            bool isCast =
                expression is CastExpressionSyntax cast
                && SymbolEqualityComparer.Default.Equals(model.GetTypeInfo(cast.Type).Type, sentence)
                && !SymbolEqualityComparer.Default.Equals(model.GetTypeInfo(cast.Expression).Type, sentence);
            ExpressionSyntax text = isCast ? ((CastExpressionSyntax)expression).Expression : expression;
            if (!isCast && !Becomes(expression))
            {
                continue;
            }
            string place = $"{model.SyntaxTree.FilePath}({text.GetLocation().GetLineSpan().StartLinePosition.Line + 1})";
            foreach (FoundSentence found in Of(text, place, model))
            {
                yield return found;
            }
        }
    }

    private static IEnumerable<FoundSentence> Of(ExpressionSyntax text, string place, SemanticModel model)
    {
        switch (text)
        {
            case ParenthesizedExpressionSyntax inner:
                return Of(inner.Expression, place, model);
            case ConditionalExpressionSyntax choice:
                return [.. Chosen(choice.WhenTrue, place, model), .. Chosen(choice.WhenFalse, place, model)];
            case SwitchExpressionSyntax choice:
                return choice.Arms.SelectMany(arm => Chosen(arm.Expression, place, model));
            case BinaryExpressionSyntax { RawKind: (int)SyntaxKind.CoalesceExpression } choice:
                return [.. Chosen(choice.Left, place, model), .. Chosen(choice.Right, place, model)];
        }
        if (model.GetConstantValue(text) is { HasValue: true, Value: string words } && text is not InterpolatedStringExpressionSyntax)
        {
            return [new FoundSentence(Escape(words), place, IsLost: false)];
        }
        if (Parts(text) is { } parts)
        {
            return [new FoundSentence(Template(parts, model), place, IsLost: false)];
        }
        return Chosen(text, place, model);
    }

    /// <summary>A text that is one already when it becomes a sentence: its words are found only where they are constant.</summary>
    private static IEnumerable<FoundSentence> Chosen(ExpressionSyntax text, string place, SemanticModel model)
    {
        if (text is ParenthesizedExpressionSyntax or ConditionalExpressionSyntax or SwitchExpressionSyntax)
        {
            return Of(text, place, model);
        }
        if (model.GetConstantValue(text) is { HasValue: true, Value: string words })
        {
            return [new FoundSentence(Escape(words), place, IsLost: false)];
        }
        bool isComposed =
            text.DescendantNodesAndSelf().Any(node => node is InterpolatedStringExpressionSyntax)
            || text.DescendantNodesAndSelf().OfType<BinaryExpressionSyntax>().Any(sum => sum.IsKind(SyntaxKind.AddExpression));
        return isComposed ? [new FoundSentence(text.ToString(), place, IsLost: true)] : [];
    }

    /// <summary>The interpolated strings of a sum of nothing else; null for any other expression.</summary>
    private static IReadOnlyList<InterpolatedStringExpressionSyntax>? Parts(ExpressionSyntax text) =>
        text switch
        {
            InterpolatedStringExpressionSyntax one => [one],
            ParenthesizedExpressionSyntax inner => Parts(inner.Expression),
            BinaryExpressionSyntax { RawKind: (int)SyntaxKind.AddExpression } sum
                when Parts(sum.Left) is { } left && Parts(sum.Right) is { } right => [.. left, .. right],
            _ => null,
        };

    private static string Template(IEnumerable<InterpolatedStringExpressionSyntax> parts, SemanticModel model)
    {
        var template = new StringBuilder();
        int gaps = 0;
        foreach (InterpolatedStringContentSyntax content in parts.SelectMany(part => part.Contents))
        {
            if (content is InterpolatedStringTextSyntax words)
            {
                // The compiler's own value: escapes are undone, and doubled braces are single ones.
                _ = template.Append(Escape(Unescaped(words)));
                continue;
            }
            var gap = (InterpolationSyntax)content;
            _ = template.Append('{').Append(gaps++.ToString(CultureInfo.InvariantCulture));
            if (gap.AlignmentClause is { } alignment && model.GetConstantValue(alignment.Value) is { Value: int width and not 0 })
            {
                _ = template.Append(',').Append(width.ToString(CultureInfo.InvariantCulture));
            }
            if (gap.FormatClause is { } format)
            {
                _ = template.Append(':').Append(format.FormatStringToken.ValueText);
            }
            _ = template.Append('}');
        }
        return template.ToString();
    }

    private static string Unescaped(InterpolatedStringTextSyntax words) =>
        words.TextToken.ValueText.Replace("{{", "{", StringComparison.Ordinal).Replace("}}", "}", StringComparison.Ordinal);

    private static string Escape(string words) =>
        words.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal);
}
