using System.CommandLine;
using System.Text.RegularExpressions;
using LatentSync.Cli.Commands;
using LatentSync.Cli.Usage;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests.Usage;

/// <summary>Libraries speak no command line: they write references, which this host, a page or a program name each in its own
/// way.</summary>
public sealed partial class LibraryWordsTests
{
    private static readonly RootCommand Root = CommandTree.Create();
    private static readonly Command[] Commands = [.. Below(Root)];
    private static readonly HashSet<string> OptionNames =
    [
        .. Commands.SelectMany(command => command.Options).Select(option => option.Name),
    ];

    /// <summary>Sources of every library, and their Chinese words.</summary>
    public static TheoryData<string> Sources() =>
        [
            .. Directory
                .GetFiles(RepositoryRoot.PathOf("src"), "*.*", SearchOption.AllDirectories)
                .Where(file => file.EndsWith(".cs", StringComparison.Ordinal) || file.EndsWith("zh.json", StringComparison.Ordinal))
                .Select(file => Path.GetRelativePath(RepositoryRoot.Find(), file).Replace('\\', '/'))
                .Where(file =>
                    !file.StartsWith("src/LatentSync.Cli/", StringComparison.Ordinal) && !file.Contains("/obj/", StringComparison.Ordinal)
                )
                .Order(),
        ];

    [Theory]
    [MemberData(nameof(Sources))]
    public void Library_NamesNoOptionAndNoCommand(string file)
    {
        string text = Comment().Replace(File.ReadAllText(RepositoryRoot.PathOf(file)), string.Empty);

        Assert.DoesNotContain(TypedOption().Matches(text).Select(match => match.Value), OptionNames.Contains);
        Assert.Empty(
            TypedCommand()
                .Matches(text)
                .Where(match => Root.Subcommands.Any(command => command.Name == match.Groups[1].Value))
                .Select(match => match.Value)
        );
    }

    [Theory]
    [MemberData(nameof(Sources))]
    public void Reference_OfALibrary_IsSomethingThatCanBeTyped(string file)
    {
        string text = Comment().Replace(File.ReadAllText(RepositoryRoot.PathOf(file)), string.Empty);

        foreach (Match reference in Reference().Matches(text))
        {
            string[] words = reference.Groups[1].Value.Split(' ');
            if (char.IsAsciiLetterUpper(words[0][0]))
            {
                Assert.Contains(CommandLineVocabulary.OptionName(words[0]), OptionNames);
                continue;
            }
            Command command = Root;
            foreach (string word in words)
            {
                string name = word.Split('=')[0];
                if (char.IsAsciiLetterUpper(name[0]))
                {
                    Assert.Contains(CommandLineVocabulary.OptionName(name), command.Options.Select(option => option.Name));
                }
                else
                {
                    command = Assert.Single(command.Subcommands, child => child.Name == name);
                }
            }
        }
    }

    [Fact]
    public void Vocabulary_Reference_IsWhatIsTyped()
    {
        CommandLineVocabulary typed = new();

        Assert.Equal("use --dtype f16 or --isolated-audio", typed.Name("use ⟦DType f16⟧ or ⟦IsolatedAudioWindows⟧"));
        Assert.Equal(
            "latentsync attention explain --shape 1,8,64,64,64 --kv-heads 2 --causal",
            typed.Name("⟦attention explain Shape=1,8,64,64,64 KvHeads=2 Causal⟧")
        );
    }

    [Fact]
    public void Sync_TakesEveryOptionOfTheLibrary() =>
        Assert.Superset(
            SyncOptions.Table.All.Select(option => CommandLineVocabulary.OptionName(option.Name)).ToHashSet(),
            Root.Subcommands.Single(command => command.Name == "sync").Options.Select(option => option.Name).ToHashSet()
        );

    private static IEnumerable<Command> Below(Command command) => command.Subcommands.SelectMany(Below).Prepend(command);

    /// <summary>From // to the end of the line; addresses in literals have a colon before.</summary>
    [GeneratedRegex(@"(?<!:)//[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z-]+")]
    private static partial Regex TypedOption();

    [GeneratedRegex(@"\blatentsync ([a-z]+)")]
    private static partial Regex TypedCommand();

    [GeneratedRegex("⟦([^⟦⟧{}]+)⟧")]
    private static partial Regex Reference();
}
