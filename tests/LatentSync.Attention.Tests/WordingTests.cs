using System.Globalization;
using System.Text.RegularExpressions;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Wording;
using LatentSync.Foundation.Wording;
using LatentSync.Testing;

namespace LatentSync.Attention.Tests;

/// <summary>Chinese says everything that English says.</summary>
public sealed partial class WordingTests
{
    [Fact]
    public void ChineseCodes_EveryCode_HasWordsWithTheSameGaps()
    {
        foreach ((string code, string rule, string required, string remedy, string? repair) in EnglishWords())
        {
            Assert.True(WordCatalog.ChineseCodes.ContainsKey(code), $"{code} has no Chinese words");
            string chinese = WordCatalog.Rule(code, rule, Language.Chinese);
            AssertChinese(code, chinese);
            Assert.Equal(Gaps(rule), Gaps(chinese));
            AssertChinese(code, WordCatalog.Required(code, required, Language.Chinese));
            string chineseRemedy = WordCatalog.Remedy(code, remedy, Language.Chinese);
            AssertChinese(code, chineseRemedy);
            Assert.True(Steps(remedy) == Steps(chineseRemedy), $"{code}: not as many steps: {remedy} / {chineseRemedy}");
            if (repair is not null)
            {
                AssertChinese(code, WordCatalog.Repair(code, repair, Language.Chinese));
                Assert.NotEqual(repair, WordCatalog.Repair(code, repair, Language.Chinese));
            }
        }
    }

    [Fact]
    public void ChineseCodes_NoneIsLeftOver() =>
        Assert.Empty(WordCatalog.ChineseCodes.Keys.Except(AttentionRules.Codes.Select(code => code.Code)));

    /// <summary>The sources are the list of phrases: whatever is given to <c>Finding.Of</c> or <c>Word</c> is said in Chinese
    /// too.</summary>
    [Fact]
    public void ChinesePhrases_EveryPhraseOfTheSources_HasWordsWithTheSameGaps()
    {
        string[] folders = [RepositoryRoot.PathOf("src/LatentSync.Attention"), RepositoryRoot.PathOf("src/LatentSync.Attention.Torch")];
        string[] phrases =
        [
            .. folders
                .SelectMany(folder => Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories))
                .SelectMany(file => PhraseCall().Matches(File.ReadAllText(file)))
                .Select(match => Regex.Unescape(match.Groups[1].Value))
                .Distinct()
                .Where(phrase => phrase != "{0}"),
        ];
        Assert.InRange(phrases.Length, 50, 500);
        Assert.All(
            phrases,
            phrase =>
            {
                Assert.True(WordCatalog.ChinesePhrases.TryGetValue(phrase, out string? chinese), $"\"{phrase}\" has no Chinese words");
                Assert.Equal(Gaps(phrase), Gaps(chinese!));
                AssertChinese(phrase, chinese!);
            }
        );
        Assert.Empty(
            WordCatalog
                .ChinesePhrases.Keys.Except(phrases)
                .Except([Constraint.UseAnother, "none needed: {0}", "cured: {0}", "The backend", "the backend"])
        );
    }

    /// <summary>Thousands of answers, read for English words that a Chinese sentence cannot contain.</summary>
    [Fact]
    public void Verdicts_RandomProblemsOnManyMachines_AreWhollyChinese()
    {
        var random = new Random(11);
        var codes = new HashSet<string>();
        foreach (Machine machine in RandomProblems.Machines)
        {
            for (int i = 0; i < 120; i++)
            {
                AttentionProblem problem = RandomProblems.Draw(random);
                Plan plan = AttentionSelector.Select(
                    problem,
                    new SelectionContext { Machine = machine, Policy = Policy.Forbid("sliced") },
                    1L << 30
                );
                var exception = new AttentionUnavailableException(plan, plan.Chosen);
                AssertChinese(machine.Os, exception.ToReport(Language.Chinese).ToText());
                foreach (Reason reason in plan.Verdicts.SelectMany(verdict => verdict.Reasons.Concat(verdict.Repairs)))
                {
                    codes.Add(reason.Code);
                    Reason chinese = reason.In(Language.Chinese);
                    AssertChinese(reason.Code, $"{chinese.Message} {chinese.Found} {chinese.Required} {chinese.Remedy}");
                    Assert.NotEqual(reason.Message, chinese.Message);
                    Assert.Equal(reason, chinese.In(Language.English));
                    Assert.Equal(reason.Steps.Count, chinese.Steps.Count);
                }
            }
        }
        // The generator must reach nearly all rules; failures at run time, the policy and rules of old versions have tests of their own.
        string[] unreached =
        [
            .. AttentionRules
                .Backends.SelectMany(backend => backend.Constraints)
                .Select(rule => rule.Code)
                .Distinct()
                .Except(codes)
                .Order(),
        ];
        Assert.True(unreached.Length <= 4, "never broken by the random problems: " + string.Join(" ", unreached));
    }

    [Fact]
    public void FailureReasons_AllKinds_AreWhollyChinese() =>
        Assert.All(
            FailureDescription.All,
            failure =>
            {
                Reason chinese = failure.ToReason("", "torch-flash").In(Language.Chinese);
                AssertChinese(failure.Code, $"{chinese.Message} {chinese.Required} {chinese.Remedy}");
                Assert.StartsWith("torch-flash 失败后已被搁置。", chinese.Message, StringComparison.Ordinal);
            }
        );

    [Theory]
    [InlineData("en", Language.English)]
    [InlineData("zh", Language.Chinese)]
    [InlineData("ZH-cn", Language.Chinese)]
    [InlineData("zh_CN.UTF-8", Language.Chinese)]
    [InlineData("zh-Hant-TW", Language.Chinese)]
    [InlineData("C.UTF-8", Language.English)]
    [InlineData("中文", Language.Chinese)]
    public void Languages_Tag_IsRead(string tag, Language language) => Assert.Equal(language, Languages.Parse(tag));

    [Fact]
    public void Languages_Other_SaysWhichThereAre()
    {
        Assert.False(Languages.TryParse("de_DE.UTF-8", out _));
        Assert.False(Languages.TryParse(null, out _));
        Assert.Contains("zh", Assert.Throws<FormatException>(() => Languages.Parse("klingon")).Message, StringComparison.Ordinal);
        Assert.Equal(Language.English, Languages.OfCulture(CultureInfo.InvariantCulture));
    }

    private static IEnumerable<(string Code, string Rule, string Required, string Remedy, string? Repair)> EnglishWords() =>
        AttentionRules
            .Backends.SelectMany(backend => backend.Constraints)
            .Append(CommonRules.NotInProcess)
            .DistinctBy(rule => rule.Code)
            .Select(rule => (rule.Code, rule.Rule, rule.Required, rule.Remedy, rule.Repair))
            .Concat(
                FailureDescription.All.Select(failure => (failure.Code, failure.Message, failure.Required, failure.Remedy, (string?)null))
            )
            .Concat(CodeDescription.OfPolicy.Select(code => (code.Code, code.Message, code.Required, code.Remedy, (string?)null)));

    private static int Steps(string remedy) => new Reason("", "", "", "", remedy).Steps.Count;

    private static string[] Gaps(string text) => [.. Gap().Matches(text).Select(match => match.Value).Distinct().Order()];

    internal static void AssertChinese(string where, string text)
    {
        // A command is written alike in every language.
        Match english = EnglishWord().Match(Regex.Replace(text, "\"attention explain[^\"]*\"", string.Empty));
        Assert.True(!english.Success, $"{where}: \"{english.Value}\" in \"{text}\"");
    }

    [GeneratedRegex(@"(?:Finding\.Of|Word)\(\s*""((?:[^""\\]|\\.)*)""")]
    private static partial Regex PhraseCall();

    [GeneratedRegex(@"\{[0-9](:[^}]*)?\}")]
    private static partial Regex Gap();

    /// <summary>Words without which English has no sentence.</summary>
    [GeneratedRegex(
        @"(?<![\w-])(the|a|an|of|or|and|not|is|are|has|have|was|were|needs|need|takes|with|without|for|to|no|on|in|up|than|runs|run|newer|older|every|its|GPUs?'s|multiple|must|mask|window|head dims?|training|causal)(?![\w-])",
        RegexOptions.IgnoreCase
    )]
    private static partial Regex EnglishWord();
}
