using System.CommandLine;
using LatentSync.Cli.Commands;
using LatentSync.Cli.Display;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Tests;

public sealed class HelpTests
{
    private const int Narrow = 60;

    public static TheoryData<string> Commands { get; } = CommandTreeTests.Commands;

    [Theory]
    [MemberData(nameof(Commands))]
    public void Help_NarrowTerminal_BreaksBetweenWords(string path)
    {
        string[] names = path.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string narrow = Help(CommandTree.Create(Narrow), [.. names, "--help"]),
            wide = Help(CommandTree.Create(1000), [.. names, "--help"]);

        Assert.All(narrow.Split('\n'), line => Assert.True(Columns.Width(line.TrimEnd()) <= Narrow, $"{line.Length} columns: {line}"));
        // No word is cut, but for those that are longer than their column.
        HashSet<string> words = [.. wide.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries), "\\"];
        string[] cut =
        [
            .. narrow.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries).Where(word => !words.Contains(word)),
        ];
        Assert.True(cut.Length == 0, string.Join(' ', cut));
    }

    [Theory]
    [InlineData("sync")]
    [InlineData("attention verify")]
    [InlineData("")]
    public void HelpCommand_ShowsWhatTheOptionShows(string path)
    {
        RootCommand root = CommandTree.Create(100);
        string[] names = path.Split(' ', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(Help(root, [.. names, "--help"]), Help(root, ["help", .. names]));
    }

    [Fact]
    public void Lines_ParagraphFillsTheLine_ExamplesStayApart()
    {
        const string Text = """
            A first line
            and its second one.

            Examples:
              latentsync demo      tries it
              latentsync doctor
            """;

        Assert.Equal(
            ["A first line and its second one.", "", "Examples:", "  latentsync demo      tries it", "  latentsync doctor"],
            HelpText.Lines(Text, null, "\\")
        );
        Assert.Equal(
            ["A first line and its", "second one.", "", "Examples:", "  latentsync demo", "      tries it", "  latentsync doctor"],
            HelpText.Lines(Text, 24, "\\")
        );
    }

    [Fact]
    public void Lines_LongExample_CanBeCopiedIntoAShell()
    {
        const string Example = "  latentsync doctor --gpu \"Tesla T4\" --cuda 11.7 --libtorch 2.5.1 --os \"Ubuntu 20.04\"";

        string[] lines = [.. HelpText.Lines(Example, 40, "\\")];

        Assert.True(lines.Length > 1);
        Assert.All(lines, line => Assert.True(line.Length <= 40, line));
        Assert.All(lines[..^1], line => Assert.EndsWith(" \\", line, StringComparison.Ordinal));
        Assert.Equal(Example.Trim(), string.Join(' ', lines.Select(line => line.TrimEnd('\\').Trim())));
        Assert.Equal([Example], HelpText.Lines(Example, 40, string.Empty)); // a shell without such a sign
    }

    private static string Help(RootCommand root, string[] arguments)
    {
        StringWriter text = new();
        Assert.Equal(0, root.Parse(arguments).Invoke(new InvocationConfiguration { Output = text }));
        return text.ToString();
    }
}
