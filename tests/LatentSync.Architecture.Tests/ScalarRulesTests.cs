using System.Text.RegularExpressions;
using LatentSync.Testing;

namespace LatentSync.Architecture.Tests;

/// <summary>
/// No number goes into a tensor operator as it is: TorchSharp makes a scalar of it that may be freed while libtorch reads it (see Scalars).
/// BannedSymbols.txt finds that while compiling, by type; here the common spellings are found by their text, and those that no list of
/// symbols can name.
/// </summary>
public sealed partial class ScalarRulesTests
{
    private static readonly string[] TorchProjects = ["LatentSync.Attention.Torch", "LatentSync.Models", "LatentSync"];
    private static readonly string[] AddingMethods = ["add", "add_"];

    public static TheoryData<string> Sources() =>
        [
            .. TorchProjects
                .SelectMany(p => Directory.GetFiles(RepositoryRoot.PathOf("src", p), "*.cs", SearchOption.AllDirectories))
                .Select(f => Path.GetRelativePath(RepositoryRoot.Find(), f))
                .Order(),
        ];

    [Theory]
    [MemberData(nameof(Sources))]
    public void SourceFile_GivesTensors_KeptNumbersOnly(string file) =>
        Assert.Empty(UnkeptNumbers(File.ReadAllText(RepositoryRoot.PathOf(file))));

    [Theory]
    [InlineData("x.mul(0.5)")]
    [InlineData("x.mul_(2)")]
    [InlineData("x.to(type).div(-8f).exp()")]
    [InlineData("x.masked_fill(mask.eq(y), double.NegativeInfinity)")]
    [InlineData("x.masked_fill(mask,\n    0.0)")]
    [InlineData("x.clamp(0, limit)")]
    [InlineData("x.clamp(min: 1e-6)")]
    [InlineData("x.pow(2)")]
    [InlineData("x.mul(Math.Sqrt(width))")]
    [InlineData("x.add(y)")]
    [InlineData("x.add_(other.sum([-1], keepdim: true))")]
    [InlineData("full_like(x, -1.0)")]
    [InlineData("arange(0, stop, ScalarType.Int64)")]
    [InlineData("Unit.Value.invoke(\"attend\", query, 0.0)")]
    [InlineData("x.square()")]
    public void Spelling_ThatMakesAScalar_IsFound(string code) => Assert.Single(UnkeptNumbers(code));

    [Theory]
    [InlineData("x.mul(Scalars.Of(0.5))")]
    [InlineData("x.mul(y.sum(-1))")]
    [InlineData("x.Times(2).Plus(0.5)")]
    [InlineData("x.add(y, Scalars.One)")]
    [InlineData("x.sub(y).div(sizes[0]).narrow(0, 1, 2)")]
    [InlineData("full([2, 3], Scalars.Zero)")]
    [InlineData("numbers.Add(2) // as x.mul(2)")]
    [InlineData("throw new InvalidOperationException(\"x.mul(2)\")")]
    public void Spelling_ThatMakesNone_IsNotFound(string code) => Assert.Empty(UnkeptNumbers(code));

    [Theory]
    [InlineData("Double")]
    [InlineData("Single")]
    [InlineData("Int32")]
    [InlineData("Int64")]
    public void Conversion_ToAScalar_IsBanned(string type) =>
        Assert.Contains(
            $"M:TorchSharp.Scalar.op_Implicit(System.{type})~TorchSharp.Scalar;",
            File.ReadAllText(RepositoryRoot.PathOf("BannedSymbols.txt")),
            StringComparison.Ordinal
        );

    [Fact]
    public void TorchProjects_ObeyTheBannedSymbols() =>
        Assert.All(
            TorchProjects,
            p => Assert.DoesNotContain("RS0030", File.ReadAllText(RepositoryRoot.PathOf("src", p, $"{p}.csproj")), StringComparison.Ordinal)
        );

    private static IEnumerable<string> UnkeptNumbers(string text)
    {
        string code = TextAndComments().Replace(text, m => m.Value.StartsWith('/') ? string.Empty : "\"\"");
        foreach (Match call in OperatorCall().Matches(code))
        {
            List<string> arguments = Arguments(code, call.Index + call.Length);
            bool isAddition = AddingMethods.Contains(call.Groups["method"].Value);
            if (arguments.Any(a => Number().IsMatch(a)) || (isAddition && arguments.Count == 1))
            {
                yield return $"{call.Value}{string.Join(", ", arguments)})";
            }
        }
        foreach (Match call in HiddenScalar().Matches(code))
        {
            yield return call.Value;
        }
    }

    // The arguments from just after the opening parenthesis, split at the commas that are in no inner bracket.
    private static List<string> Arguments(string code, int start)
    {
        List<string> arguments = [];
        for (int at = start, depth = 0; at < code.Length; at++)
        {
            depth +=
                code[at] is '(' or '[' or '{' ? 1
                : code[at] is ')' or ']' or '}' ? -1
                : 0;
            if (depth < 0 || (depth == 0 && code[at] == ','))
            {
                arguments.Add(code[start..at].Trim());
                start = at + 1;
            }
            if (depth < 0)
            {
                break;
            }
        }
        return arguments;
    }

    [GeneratedRegex("""(?s)\"{3}.*?\"{3}|@"(?:[^"]|"")*"|"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/""")]
    private static partial Regex TextAndComments();

    // TorchSharp's names are in lower case, which no other method of these projects is.
    [GeneratedRegex(
        @"\.(?<method>(?:mul|multiply|add|sub|subtract|div|divide|true_divide|floor_divide|remainder|fmod|pow|float_power|lerp"
            + @"|addcmul|addcdiv|clamp|clamp_min|clamp_max|clip|masked_fill|index_fill|fill|fill_diagonal|eq|ne|gt|ge|lt|le"
            + @"|greater|greater_equal|less|less_equal|not_equal|threshold|celu|hardshrink|softshrink)_?|invoke)\("
            + @"|(?<![\w.])(?<method>arange|linspace|logspace|full_like)\(|(?<![\w.])full\((?=\s*\[)"
    )]
    private static partial Regex OperatorCall();

    [GeneratedRegex(@"\.square_?\(\)|\b(?:mish|softplus)\(\w")]
    private static partial Regex HiddenScalar();

    [GeneratedRegex(
        @"^(?:\w+:\s*)?-?(?:\.?\d[\w.]*(?:[eE][-+]\d+)?|(?:double|float|Half|int|long|Math|MathF)\.[A-Z].*)$",
        RegexOptions.Singleline
    )]
    private static partial Regex Number();
}
