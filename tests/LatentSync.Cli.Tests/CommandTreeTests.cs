using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text.RegularExpressions;
using LatentSync.Cli.Commands;

namespace LatentSync.Cli.Tests;

/// <summary>The command line as a contract: what scripts type is there, with the defaults they rely on.</summary>
public sealed partial class CommandTreeTests
{
    private static readonly RootCommand Root = CommandTree.Create();
    private static readonly string[] Sync = ["sync", "--video", "v.mp4", "--audio", "a.wav", "--out", "o.mp4"];

    public static TheoryData<string> Commands { get; } = [.. Walk(Root, string.Empty)];

    [Fact]
    public void Sync_Defaults_AreTheContracts()
    {
        ParseResult parsed = Root.Parse(Sync);

        Assert.Empty(parsed.Errors);
        Assert.Equal(20, parsed.GetValue<int>("--steps"));
        Assert.Equal(1.5, parsed.GetValue<double>("--guidance"));
        Assert.Equal(1247L, parsed.GetValue<long>("--seed"));
        Assert.Equal(16, parsed.GetValue<int>("--crf"));
        Assert.Equal("off", parsed.GetValue<string>("--deepcache"));
        Assert.All(
            ["--attention", "--device", "--dtype", "--detector"],
            (Action<string>)(name => Assert.Equal("auto", parsed.GetValue<string>(name)))
        );
        Assert.All(
            ["--landmarks", "--mask", "--libtorch", "--config"],
            (Action<string>)(name => Assert.Null(parsed.GetValue<string?>(name)))
        );
        Assert.All(["--resume", "--json", "--identity"], (Action<string>)(name => Assert.False(parsed.GetValue<bool>(name))));
    }

    [Fact]
    public void Sync_EveryDocumentedOption_IsTaken()
    {
        string[] options =
        [
            "--checkpoint",
            "dir",
            "--steps",
            "30",
            "--guidance",
            "2.5",
            "--seed",
            "-1",
            "--attention",
            "prefer torch-math",
            "--device",
            "cpu",
            "--dtype",
            "bf16",
            "--landmarks",
            "f.json",
            "--detector",
            "haar",
            "--mask",
            "m.png",
            "--deepcache",
            "on",
            "--resume",
            "--json",
            "--libtorch",
            "d",
            "--cascades",
            "d",
        ];
        ParseResult parsed = Root.Parse([.. Sync, .. options]);

        Assert.Empty(parsed.Errors);
        Assert.Equal(
            (30, 2.5, -1L),
            (parsed.GetValue<int>("--steps"), parsed.GetValue<double>("--guidance"), parsed.GetValue<long>("--seed"))
        );
        Assert.Equal("prefer torch-math", parsed.GetValue<string>("--attention"));
        Assert.True(parsed.GetValue<bool>("--resume") && parsed.GetValue<bool>("--json"));
    }

    [Theory]
    [InlineData("demo --out d --seed 3 --json")]
    [InlineData("synth --count 3 --out d --seed 1000000 --seconds 2.5 --size 256 --faces --resolution 128 --jobs 2 --json")]
    [InlineData("synth -n 3 -o d --faces-only")]
    [InlineData("train speech --config c.yaml --out o --resume")]
    [InlineData("train vae --config c.yaml --data d --out o --start v --steps 3")]
    [InlineData("train unet --config c.yaml --data d --vae v --whisper w.pt --start u.pt --out o --threads 1 --json")]
    [InlineData("checkpoint assemble --unet u.pt --config c.yaml --vae v --whisper w.pt --readme r.txt --out d")]
    [InlineData("demo --checkpoint demo --steps 8 --guidance 2.5")]
    [InlineData("eval demo --seed 5 --clips 2 --seconds 1.5 --steps 2 --guidance 1 --checkpoint c --keep d --json")]
    [InlineData("doctor --json")]
    [InlineData("parity a b c")]
    [InlineData(
        "attention explain --shape 1,8,64,64,40 --kv-heads 2 --value-dim 64 --dtype bf16 --causal --mask float --device cuda --training --json"
    )]
    [InlineData(
        "attention verify --workload latentsync-256 --workload latentsync-512 --layer temporal --backend sliced --dtype f32,bf16 --device cuda --repeats 5 --budget 1.5 --threads 2 --json"
    )]
    [InlineData("attention tune --workload gqa-128 --json")]
    [InlineData("attention tune --show")]
    [InlineData("attention tune --clear")]
    [InlineData("checkpoint new --out d --size full --seed 3")]
    [InlineData(
        "eval sync --video v.mp4 --audio a.wav --syncnet syncnet_v2.model --landmarks l.json --min-frames 25 --min-face 64.5 --json"
    )]
    [InlineData("eval sync --video v.mp4 --checkpoint d --face 1 --device cpu")]
    [InlineData("eval sync --video v.mp4 --stable-syncnet c.pt --config c.yaml")]
    [InlineData("train syncnet --config c.yaml --data d --out o --resume --steps 9 --seed 1 --device cpu --threads 2 --json")]
    [InlineData("eval syncnet --data d --checkpoint c.pt --config c.yaml --samples 64 --batch 4 --seed 3 --vae d --json")]
    [InlineData("doctor --verbose")]
    public void Parse_DocumentedCommandLine_IsTaken(string line) => Assert.Empty(Root.Parse(line.Split(' ')).Errors);

    [Theory]
    [InlineData("")]
    [InlineData("sing")]
    [InlineData("sync")]
    [InlineData("sync --video v.mp4 --audio a.wav")]
    [InlineData("sync --video v --audio a --out o --stepz 3")]
    [InlineData("sync --video v --audio a --out o --steps many")]
    [InlineData("sync --video v --audio a --out o --seed")]
    [InlineData("parity")]
    [InlineData("attention")]
    [InlineData("attention explain")]
    [InlineData("checkpoint new")]
    [InlineData("synth --out d")]
    [InlineData("synth --count 3")]
    [InlineData("train")]
    [InlineData("train unet --out d")]
    [InlineData("eval")]
    [InlineData("eval demo --clips many")]
    public void Parse_WrongCommandLine_IsAnError(string line) =>
        Assert.True(IsError(Root.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));

    [Theory]
    [MemberData(nameof(Commands))]
    public void Help_EveryCommand_ExplainsEveryOptionAndHasAnExampleThatParses(string path)
    {
        string[] names = path.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        StringWriter text = new();
        int code = Root.Parse([.. names, "--help"]).Invoke(new InvocationConfiguration { Output = text });

        Assert.Equal(0, code);
        Command command = names.Aggregate((Command)Root, (parent, name) => parent.Subcommands.Single(c => c.Name == name));
        Assert.All(command.Options, option => Assert.False(string.IsNullOrWhiteSpace(option.Description), option.Name));
        Assert.All(command.Options, option => Assert.Contains(option.Name, text.ToString(), StringComparison.Ordinal));
        string[] examples =
        [
            .. ExampleLine().Matches(text.ToString()).Select(m => m.Groups[1].Value).Where(e => !e.Contains('<') && !e.Contains('[')),
        ];
        Assert.True(examples.Length > 0, $"latentsync {path} --help has no example");
        foreach (string example in examples)
        {
            // What follows two blanks is an explanation; what follows > is the shell's.
            string[] arguments = [.. Word().Matches(example.Split("  ")[0].Split(" > ")[0]).Select(m => m.Value.Trim('"'))];
            Assert.False(
                IsError(Root.Parse(arguments)),
                $"the example \"latentsync {example}\" does not parse: {string.Join("; ", Root.Parse(arguments).Errors)}"
            );
        }
    }

    [Theory]
    [InlineData("1,5")]
    [InlineData("1.5x")]
    [InlineData("")]
    public void Parse_NumberWrittenOtherwise_IsRefusedNotGuessed(string text)
    {
        string message = Assert.Single(Root.Parse([.. Sync, "--guidance", text]).Errors).Message;

        Assert.Contains($"\"{text}\"", message, StringComparison.Ordinal);
        Assert.Contains("--guidance", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2", 2.0)]
    [InlineData("1e-1", 0.1)]
    [InlineData(".5", 0.5)]
    public void Parse_Number_IsRead(string text, double expected) =>
        Assert.Equal(expected, Root.Parse([.. Sync, "--preview", text]).GetValue<double?>("--preview"));

    [Theory]
    [InlineData("--version")]
    [InlineData("--help")]
    [InlineData("sync --help")]
    [InlineData("attention -h")]
    public void Parse_QuestionInsteadOfWork_IsNoError(string line) => Assert.False(IsError(Root.Parse(line.Split(' '))));

    // Help is asked for although required options are missing.
    private static bool IsError(ParseResult parsed) => parsed.Action is ParseErrorAction;

    private static IEnumerable<string> Walk(Command command, string path) =>
        command.Subcommands.SelectMany(c => Walk(c, $"{path} {c.Name}".Trim())).Prepend(path);

    [GeneratedRegex(@"^ +latentsync (.+?)\r?$", RegexOptions.Multiline)]
    private static partial Regex ExampleLine();

    [GeneratedRegex(@"""[^""]*""|\S+")]
    private static partial Regex Word();
}
