using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Tests;

public sealed class LanguageChoiceTests
{
    [Theory]
    [InlineData("zh", "en", "en_US.UTF-8", Language.Chinese)] // the option wins
    [InlineData(null, "zh-CN", "en_US.UTF-8", Language.Chinese)] // then our variable
    [InlineData(null, null, "zh_CN.UTF-8", Language.Chinese)] // then the locale
    [InlineData(null, "klingon", "zh_CN.UTF-8", Language.Chinese)] // a variable that says nothing is passed over
    [InlineData(null, null, "de_DE.UTF-8", Language.English)]
    [InlineData(null, null, null, Language.English)]
    public void Of_OptionVariableLocale_InThisOrder(string? option, string? variable, string? locale, Language expected)
    {
        string? Variable(string name) =>
            name switch
            {
                "LATENTSYNC_LANG" => variable,
                "LANG" => locale,
                _ => null,
            };

        Assert.Equal(expected, LanguageChoice.Of(option, Variable));
    }

    [Fact]
    public void Of_LcAll_ComesBeforeLang()
    {
        string? Variable(string name) =>
            name switch
            {
                "LC_ALL" => "de_DE.UTF-8",
                "LANG" => "zh_CN.UTF-8",
                _ => null,
            };

        Assert.Equal(Language.English, LanguageChoice.Of(null, Variable)); // German is set, and this program does not speak it
    }

    [Fact]
    public void Of_OptionThatIsNoLanguage_IsRefused() => Assert.Throws<FormatException>(() => LanguageChoice.Of("fr", _ => null));
}
