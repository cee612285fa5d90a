using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Tests.Wording;

public sealed class PrintableTextTests
{
    [Theory]
    [InlineData("plain/päth 語.mp4", "plain/päth 語.mp4")]
    [InlineData("a\nb\rc\td", "a\\nb\\rc\\td")]
    [InlineData("\u001b[31mred\u0007", "\\u001b[31mred\\u0007")]
    [InlineData("\u0085\u2028\u2029", "\\u0085\\u2028\\u2029")]
    [InlineData("exe\u202egpm.4", "exe\\u202egpm.4")]
    [InlineData("\ufffd\u0001", "\ufffd\\u0001")]
    public void Escape_ShowsWhatCannotBePrinted(string text, string shown) => Assert.Equal(shown, PrintableText.Escape(text));

    [Fact]
    public void Escape_KeepsLines_WhereATextHasSome() => Assert.Equal("a\nb\\u001b", PrintableText.Escape("a\nb\u001b", keepLines: true));

    [Fact]
    public void Escape_LoneSurrogates_AreShown() =>
        Assert.Equal("\ud83d\ude00\\ud800x", PrintableText.Escape("\ud83d\ude00" + (char)0xD800 + "x"));

    [Fact]
    public void Quote_IsForPaths() => Assert.Equal("'a\\nb'", PrintableText.Quote("a\nb"));
}
