using System.Text.Json;
using System.Text.RegularExpressions;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests.Words;

/// <summary>Every sentence that the libraries and the command line say to people has a Chinese one beside it, with the same gaps and the
/// same references. The laboratory proves things to us and stays English.</summary>
public sealed partial class SentenceTranslationTests
{
    private const string File = "sentences.zh.json";
    private const string Laboratory = "LatentSync.Lab";

    private static readonly string[] Assemblies =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator),
    ];

    public static TheoryData<string> Projects() =>
        [
            .. Directory
                .EnumerateDirectories(RepositoryRoot.PathOf("src"))
                .Select(folder => Path.GetFileName(folder)!)
                .Where(name => name != Laboratory)
                .Order(StringComparer.Ordinal),
        ];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_EachSentence_HasChinese(string project)
    {
        IReadOnlyList<FoundSentence> found = SentenceFinder.In(RepositoryRoot.PathOf("src", project), Assemblies);
        IReadOnlyDictionary<string, string> chinese = ChineseOf(project);

        Assert.All(
            found,
            sentence => Assert.False(sentence.IsLost, $"{sentence.Place} is composed before it is a sentence: {sentence.Template}")
        );
        string[] missing =
        [
            .. found
                .Where(sentence => !chinese.ContainsKey(sentence.Template))
                .Select(sentence => $"{sentence.Place}: no Chinese for \"{sentence.Template}\""),
        ];
        Assert.True(missing.Length == 0, string.Join('\n', missing));
        HashSet<string> known = [.. found.Select(sentence => sentence.Template)];
        string[] stale = [.. chinese.Keys.Where(english => Word().IsMatch(english) && !known.Contains(english))];
        Assert.True(stale.Length == 0, "stale:\n" + string.Join('\n', stale));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Chinese_KeepsGapsAndReferences(string project) =>
        Assert.All(
            ChineseOf(project),
            sentence =>
            {
                Assert.Equal(Gaps(sentence.Key), Gaps(sentence.Value));
                Assert.Equal(References(sentence.Key), References(sentence.Value));
            }
        );

    /// <summary>A sentence is looked up in all libraries: two that say the same in English say the same in Chinese.</summary>
    [Fact]
    public void Chinese_OfOneSentence_IsTheSameEverywhere() =>
        Assert.All(
            Projects().SelectMany(row => ChineseOf(row.Data)).GroupBy(sentence => sentence.Key, sentence => sentence.Value),
            sentence => Assert.Single(sentence.Distinct())
        );

    /// <summary>The finder itself: what it must see, as the compiler makes it.</summary>
    [Fact]
    public void Finder_KnownForms_GivesTheTemplates()
    {
        using TemporaryFolder folder = new();
        string project = Directory.CreateDirectory(Path.Combine(folder.Path, "Forms")).FullName;
        System.IO.File.WriteAllText(
            Path.Combine(project, "Forms.cs"),
            """
            using LatentSync.Foundation.Wording;
            internal static class Forms
            {
                private const string Constant = "constant {x}";
                public static Sentence Plain() => "plain";
                public static Sentence Gap(int a) => $"{{a}} \"{a,3:0.0}\" {a}";
                public static Sentence Sum(int a) => $"one {a} " + $"two {a}";
                public static Sentence Of() => Constant;
                public static Sentence Choice(bool b, int a) => b ? (Sentence)$"first {a}" : $"second {a}";
                public static Sentence Words(bool b) => b ? "third" : "fourth";
                public static Sentence Lost(bool b, int a) => b ? $"lost {a}" : "kept";
                public static Sentence Other(System.Exception e) => e.Message;
                public static string Text(int a) => $"no sentence {a}";
            }
            """
        );

        IReadOnlyList<FoundSentence> found = SentenceFinder.In(project, Assemblies);

        Assert.Equal(
            [
                "plain",
                "{{a}} \"{0,3:0.0}\" {1}",
                "one {0} two {1}",
                "constant {{x}}",
                "first {0}",
                "second {0}",
                "third",
                "fourth",
                "$\"lost {a}\"",
                "kept",
            ],
            found.Select(sentence => sentence.Template)
        );
        Assert.Equal("$\"lost {a}\"", Assert.Single(found, sentence => sentence.IsLost).Template);
    }

    private static IReadOnlyDictionary<string, string> ChineseOf(string project)
    {
        string path = RepositoryRoot.PathOf("src", project, File);
        return System.IO.File.Exists(path)
            ? JsonSerializer.Deserialize<Dictionary<string, string>>(System.IO.File.ReadAllText(path))!
            : new Dictionary<string, string>();
    }

    private static IEnumerable<string> Gaps(string words) => Gap().Matches(words).Select(gap => gap.Value).Order(StringComparer.Ordinal);

    private static IEnumerable<string> References(string words) =>
        Reference().Matches(words).Select(reference => reference.Value).Order(StringComparer.Ordinal);

    [GeneratedRegex(@"(?<!\{)\{\d[^{}]*\}")]
    private static partial Regex Gap();

    [GeneratedRegex("⟦[^⟧]*⟧")]
    private static partial Regex Reference();

    [GeneratedRegex("[A-Za-z]")]
    private static partial Regex Word();
}
