using System.CommandLine;
using LatentSync.Cli.Commands;
using LatentSync.Cli.Usage;

namespace LatentSync.Cli.Tests.Usage;

/// <summary>What a wrong command line is answered with: each fault once, in the user's words, with the nearest name.</summary>
public sealed class UsageErrorsTests
{
    private const string Sync = "sync --video v --audio a --out o ";
    private static readonly RootCommand Root = CommandTree.Create();

    [Theory]
    [InlineData("snyc", "Unrecognized command or argument 'snyc'; did you mean sync?")]
    [InlineData("snyc --video v --json", "Unrecognized command or argument 'snyc'; did you mean sync?")] // the rest belongs to it
    [InlineData("sing", "Unrecognized command or argument 'sing'")]
    [InlineData("verify", "Unrecognized command or argument 'verify'; did you mean attention verify?")]
    [InlineData("attention explian", "Unrecognized command or argument 'explian'; did you mean explain?")]
    [InlineData("sync --vidoe v --audio a --out o", "Unrecognized command or argument '--vidoe'; did you mean --video?")]
    [InlineData("sync --vidoe=v --audio a --out o", "Unrecognized command or argument '--vidoe'; did you mean --video?")]
    [InlineData(Sync + "--nope", "Unrecognized command or argument '--nope'")]
    [InlineData(Sync + "more", "Unrecognized command or argument 'more'")]
    [InlineData(Sync + "--verbos", "Unrecognized command or argument '--verbos'; did you mean --verbose?")] // of the root
    [InlineData("parity --detials golden", "Unrecognized command or argument '--detials'; did you mean --details?")]
    [InlineData(Sync + "--steps abc", "--steps needs a whole number, not \"abc\"")]
    [InlineData(Sync + "--steps 1.5", "--steps needs a whole number, not \"1.5\"")]
    [InlineData(Sync + "--steps 99999999999", "--steps cannot be as large as 99999999999")]
    [InlineData(Sync + "--face x", "--face needs a whole number, not \"x\"")]
    [InlineData(Sync + "--seed 1e3", "--seed needs a whole number, not \"1e3\"")]
    [InlineData(Sync + "--guidance 1,5", "--guidance needs a number such as 1.5, not \"1,5\"")]
    [InlineData(Sync + "--preview soon", "--preview needs a number such as 1.5, not \"soon\"")]
    [InlineData(Sync + "--resume=maybe", "--resume is a switch: leave out \"maybe\", or write true or false")]
    [InlineData(Sync + "--seed", "--seed needs a value: --seed N")]
    [InlineData(Sync + "--video w", "--video is given 2 times; it takes one value")]
    [InlineData(Sync + "--extend pinpong", "--extend must be pingpong, loop, hold or stop, not \"pinpong\"; did you mean pingpong?")]
    [InlineData(Sync + "--deepcache maybe", "--deepcache must be on or off, not \"maybe\"")]
    [InlineData(Sync + "--device cdua", "--device must be auto, cpu, cuda, cuda:N or mps, not \"cdua\"; did you mean cuda?")]
    [InlineData("attention verify --dtype f32,bf61", "--dtype must be f32, f16, bf16 or f64, not \"bf61\"; did you mean bf16?")]
    [InlineData("eval demo --clips many", "--clips needs a whole number, not \"many\"")]
    [InlineData("parity", "DIR is missing: folders of fixtures (manifest.json + .safetensors), or folders that contain such folders")]
    public void Of_WrongCommandLine_IsOneFaultInTheUsersWords(string line, string expected)
    {
        IReadOnlyList<string> faults = UsageErrors.Of(Root.Parse(line.Split(' ')));

        Assert.Equal(expected, Assert.Single(faults));
    }

    [Fact]
    public void Of_MisspeltBackend_NamesTheNearest()
    {
        string fault = Assert.Single(
            UsageErrors.Of(Root.Parse(["sync", "--video", "v", "--audio", "a", "--out", "o", "--attention", "prefer torch-mahts"]))
        );

        Assert.StartsWith("--attention: ", fault, StringComparison.Ordinal);
        Assert.EndsWith("Did you mean torch-math?", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Sync + "--device cuda:1")]
    [InlineData(Sync + "--resume false --json=true")]
    [InlineData("attention verify --dtype f32,float16")]
    public void Of_RightCommandLine_FindsNothing(string line) => Assert.Empty(Root.Parse(line.Split(' ')).Errors);

    [Fact]
    public void Of_SeveralFaults_NamesEach()
    {
        IReadOnlyList<string> faults = UsageErrors.Of(Root.Parse(["sync", "--video", "v", "--steps", "x", "--crf", "y", "--stepz", "3"]));

        Assert.Equal(5, faults.Count); // audio and out are missing, two values are wrong, one option is unknown
        Assert.Contains(
            faults,
            fault => fault.StartsWith("Option '--audio' is required: --audio FILE, new speech", StringComparison.Ordinal)
        );
        Assert.Contains("Unrecognized command or argument '--stepz'; did you mean --steps?", faults);
    }

    [Fact]
    public void Of_AnyWrongLine_NamesNoTypeOfTheProgram()
    {
        foreach (Command command in Walk(Root))
        {
            string[] path = [.. Path(command)];
            foreach (
                Option option in command.Options.Where(option =>
                    option.ValueType != typeof(string)
                    && option.ValueType != typeof(string[])
                    && option is not VersionOption and not System.CommandLine.Help.HelpOption
                )
            )
            {
                if (option.ValueType == typeof(bool) && command.Arguments.Count > 0)
                {
                    continue; // what stands behind the switch is an argument
                }
                ParseResult parsed = Root.Parse([.. path, $"{option.Name}=?!"]);
                Assert.DoesNotContain("System.", string.Join('\n', UsageErrors.Of(parsed)), StringComparison.Ordinal);
                Assert.Contains(
                    UsageErrors.Of(parsed),
                    fault => fault.StartsWith(option.Name, StringComparison.Ordinal) && fault.Contains("?!", StringComparison.Ordinal)
                );
            }
        }
    }

    private static IEnumerable<Command> Walk(Command command) => command.Subcommands.SelectMany(Walk).Prepend(command);

    private static IEnumerable<string> Path(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? Path(parent).Append(command.Name) : [];
}
