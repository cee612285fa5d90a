using System.Text.RegularExpressions;
using LatentSync.Doctor.Wording;
using LatentSync.Foundation.Wording;
using LatentSync.Testing;

namespace LatentSync.Doctor.Tests;

public sealed partial class DoctorWordsTests
{
    [Fact]
    public void Catalogues_BothLanguages_HaveTheSameKeysAndFacts()
    {
        var english = DoctorWords.Of(Language.English);
        var chinese = DoctorWords.Of(Language.Chinese);

        Assert.Equal(english.Keys.Order(StringComparer.Ordinal), chinese.Keys.Order(StringComparer.Ordinal));
        Assert.All(english, pair => Assert.Equal((pair.Key, Facts(pair.Value)), (pair.Key, Facts(chinese[pair.Key]))));
    }

    [Fact]
    public void Catalogues_EverySentence_IsUsedAndEveryUsedOneExists()
    {
        string sources = string.Concat(
            Directory
                .EnumerateFiles(RepositoryRoot.PathOf("src", "LatentSync.Doctor"), "*.cs", SearchOption.AllDirectories)
                .Where(file =>
                    !file.EndsWith("EnglishWords.cs", StringComparison.Ordinal)
                    && !file.EndsWith("ChineseWords.cs", StringComparison.Ordinal)
                )
                .Select(File.ReadAllText)
        );
        string[] composed = ["label.", "problem.", "layer.", "library."]; // the rest of these keys is a name

        Assert.All(
            DoctorWords.Of(Language.English).Keys,
            key =>
                Assert.True(
                    composed.Any(start => key.StartsWith(start, StringComparison.Ordinal))
                        || sources.Contains($"\"{key}\"", StringComparison.Ordinal),
                    $"nobody says {key}"
                )
        );
        Assert.All(
            SaidKey().Matches(sources).Select(match => match.Groups[1].Value),
            key => Assert.Contains(key, DoctorWords.Of(Language.English).Keys)
        );
    }

    [Fact]
    public void Chinese_Sentences_AreNotLeftInEnglish()
    {
        string[] same =
        [
            .. DoctorWords
                .Of(Language.English)
                .Where(pair => pair.Value.Any(char.IsAsciiLetter) && DoctorWords.Of(Language.Chinese)[pair.Key] == pair.Value)
                .Select(pair => pair.Key),
        ];

        Assert.Equal(["dotnet.ok"], same); // ".NET 10.0.1"
    }

    [Theory]
    [InlineData("a b", 3)]
    [InlineData("系统 a", 6)]
    [InlineData("（）", 4)]
    public void Width_ChineseCharacters_TakeTwoColumns(string text, int expected) => Assert.Equal(expected, Columns.Width(text));

    [Fact]
    public void Wrap_AnyText_KeepsEveryCharacterWithinTheWidth()
    {
        var random = new Random(20261122);
        string[] pieces = ["kernel ", "计算能力", "，", "a/very/long/path/that/has/no/space/at/all ", "（", "）", "x", " ", "7.5 "];
        for (int i = 0; i < 500; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 30)).Select(_ => pieces[random.Next(pieces.Length)]));
            int width = random.Next(4, 40);

            IReadOnlyList<string> lines = Columns.Wrap(text, width);

            Assert.All(lines, line => Assert.True(Columns.Width(line) <= width, $"\"{line}\" is wider than {width} (\"{text}\")"));
            Assert.Equal(WithoutSpaces(text), WithoutSpaces(string.Concat(lines)));
            Assert.True(Columns.Width(Columns.Shorten(text, width)) <= width, text);
        }
    }

    private static string WithoutSpaces(string text) => text.Replace(" ", "", StringComparison.Ordinal);

    private static string Facts(string sentence) =>
        string.Join(" ", Place().Matches(sentence).Select(match => match.Value).Distinct().Order(StringComparer.Ordinal));

    [GeneratedRegex(@"\{\d+\}")]
    private static partial Regex Place();

    [GeneratedRegex(@"Say\(""([a-zA-Z0-9.]+)""")]
    private static partial Regex SaidKey();
}
