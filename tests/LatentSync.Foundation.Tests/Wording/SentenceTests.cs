using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Tests.Wording;

public sealed class SentenceTests
{
    private static readonly Audience Programmer = new(Language.English, Vocabulary.OfPrograms);

    [Fact]
    public void InterpolatedString_KeepsWordsAndGapsApart()
    {
        Sentence sentence = Make($"⟦Steps⟧ must be {1.5:0.00} or {"more"}, {{not}} {3, 4}.");

        Assert.Equal("⟦Steps⟧ must be {0:0.00} or {1}, {{not}} {2,4}.", sentence.Template);
        Assert.Equal([1.5, "more", 3], sentence.Arguments);
        Assert.Equal("Steps must be 1.50 or more, {not}    3.", sentence.For(Programmer));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Conditional_OneBranchMadeASentence_KeepsTheGapsOfBoth(bool first)
    {
        Sentence sentence = Make(first ? (Sentence)$"{1} is one." : $"{2} is two.");

        Assert.Equal(first ? "{0} is one." : "{0} is two.", sentence.Template);
    }

    [Fact]
    public void PlainText_WithBraces_StaysAsItIs() => Assert.Equal("a {0} b", ((Sentence)"a {0} b").For(Programmer));

    [Fact]
    public void Gap_HoldingASentence_IsSaidToTheSameAudience()
    {
        Sentence inner = Make($"⟦DType f16⟧"),
            outer = Make($"use {inner}");

        Assert.Equal("use --DType=f16", outer.For(new Audience(Language.English, new Dashes())));
    }

    [Fact]
    public void Number_IsWrittenAlikeInEveryCulture()
    {
        System.Globalization.CultureInfo before = System.Globalization.CultureInfo.CurrentCulture;
        System.Globalization.CultureInfo comma = (System.Globalization.CultureInfo)before.Clone();
        comma.NumberFormat.NumberDecimalSeparator = ",";
        System.Globalization.CultureInfo.CurrentCulture = comma;
        try
        {
            Assert.Equal("1.5 s", Make($"{1.5} s").For(Programmer));
        }
        finally
        {
            System.Globalization.CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("⟦Seed⟧: ⟦doctor⟧", "--Seed=: >doctor")]
    [InlineData("⟦attention tune Clear⟧", ">attention tune Clear")]
    [InlineData("⟦Attention \"forbid NAME\"⟧", "--Attention=\"forbid NAME\"")]
    [InlineData("⟦not closed", "⟦not closed")]
    [InlineData("⟦⟧ ⟦ Seed⟧ ⟦1⟧", "⟦⟧ ⟦ Seed⟧ ⟦1⟧")]
    public void Vocabulary_NamesReferencesOnly(string sentence, string expected) => Assert.Equal(expected, new Dashes().Name(sentence));

    [Fact]
    public async Task Audience_BelongsToItsRequest()
    {
        async Task<Language> Request(Language language)
        {
            using IDisposable scope = Audience.Use(language);
            await Task.Delay(20);
            return await Task.Run(() => Audience.Current.Language);
        }

        Language before = Audience.Current.Language;
        Language[] heard = await Task.WhenAll(Request(Language.Chinese), Request(Language.English), Request(Language.Chinese));

        Assert.Equal([Language.Chinese, Language.English, Language.Chinese], heard);
        Assert.Equal(before, Audience.Current.Language);
    }

    private static Sentence Make(Sentence sentence) => sentence;

    private sealed class Dashes : Vocabulary
    {
        protected override string Option(string property, string? value) => $"--{property}={value}";

        protected override string Command(string words) => $">{words}";
    }
}
