using System.CommandLine;
using System.Text.Json;
using LatentSync.Cli.Commands;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Tests.Usage;

[Collection(SharedProcess.Name)]
public sealed class UsageReportTests
{
    private static readonly RootCommand Root = CommandTree.Create();

    [Theory]
    [InlineData("snyc", "无法识别的命令或参数“snyc”；您是不是想写 sync？")]
    [InlineData("sync --video v --audio a --out o --steps abc", "--steps 需要整数，而不是“abc”")]
    [InlineData("sync --video v --audio a --out o --guidance x", "--guidance 需要数字，例如 1.5，而不是“x”")]
    [InlineData("sync --video v --audio a --out o --json=x", "--json 是开关：去掉“x”，或写 true、false")]
    [InlineData(
        "sync --video v --audio a --out o --silence generat",
        "--silence 应为 generate 或 original，而不是“generat”；您是不是想写 generate？"
    )]
    [InlineData("sync --video v --audio a", "缺少选项 --out FILE")]
    public void Write_Chinese_HasNoEnglishSentence(string line, string expected)
    {
        using SpokenTo spoken = new(Language.Chinese);

        Assert.Equal(ExitCode.Usage, UsageReport.Write(Root, Root.Parse(line.Split(' ')), isJson: false));
        Assert.Equal($"latentsync: {expected}", spoken.Errors.Split('\n')[0].TrimEnd());
        Assert.DoesNotContain("Run ", spoken.Errors, StringComparison.Ordinal);
        Assert.Empty(spoken.Output);
    }

    [Fact]
    public void Write_Json_IsOnStandardOutputToo()
    {
        using SpokenTo spoken = new();

        Assert.Equal(ExitCode.Usage, UsageReport.Write(Root, Root.Parse(["snyc", "--json"]), isJson: true));

        JsonElement error = JsonDocument.Parse(spoken.Output).RootElement.GetProperty("error");
        Assert.Equal(("usage", ExitCode.Usage), (error.GetProperty("kind").GetString(), error.GetProperty("exitCode").GetInt32()));
        Assert.Equal(JsonValueKind.Null, error.GetProperty("code").ValueKind);
        Assert.Contains("did you mean sync?", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("latentsync --help", error.GetProperty("remedy").GetString(), StringComparison.Ordinal);
        Assert.Contains("did you mean sync?", spoken.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_OfAMisspeltCommand_SuggestsTheNearest()
    {
        using SpokenTo spoken = new();

        Assert.Equal(ExitCode.Usage, Root.Parse(["help", "attention", "verfy"]).Invoke());
        Assert.Contains("'verfy'; did you mean verify?", spoken.Errors, StringComparison.Ordinal);
        Assert.Contains("latentsync attention --help", spoken.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "sync", "--json")]
    [InlineData(true, "snyc", "--json=true")]
    [InlineData(true, "doctor", "--json", "true")]
    [InlineData(false, "doctor", "--json", "false")]
    [InlineData(false, "doctor", "--json=false")]
    [InlineData(false, "parity", "--", "--json")]
    [InlineData(false, "sync")]
    public void IsAsked_ReadsTheWords(bool expected, params string[] arguments) => Assert.Equal(expected, FailureJson.IsAsked(arguments));
}
