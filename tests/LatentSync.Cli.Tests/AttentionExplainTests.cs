using System.Text.Json;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>`attention explain`, from outside.</summary>
[Trait("Category", "Integration")]
public sealed class AttentionExplainTests
{
    private const string Huge = "1,8,70000,70000,64"; // 146 GiB of scores

    private static readonly Dictionary<string, string?> Untuned = new() { ["LATENTSYNC_TUNING"] = "off" };

    [Theory]
    [InlineData(null, null)]
    [InlineData("--memory", "64GB")]
    public async Task Explain_ScoresBeyondTheFreeMemory_TakesSlicesAndSaysWhy(string? option, string? value)
    {
        string[] arguments =
        [
            "--shape",
            Huge,
            "--attention",
            "forbid managed-flash, forbid torch-flash",
            .. option is null ? Array.Empty<string>() : [option, value!],
        ];
        using JsonDocument answer = JsonDocument.Parse((await Explain([.. arguments, "--json"])).Output);
        JsonElement root = answer.RootElement;
        long free = root.GetProperty("freeBytes").GetInt64();
        Assert.SkipWhen(free > 300L << 30, "this machine has memory for everything");
        Assert.Equal("sliced", root.GetProperty("chosen").GetString());
        JsonElement math = root.GetProperty("verdicts")
            .EnumerateArray()
            .Single(verdict => verdict.GetProperty("backend").GetString() == "torch-math");
        Assert.Equal(["ATT0105"], math.GetProperty("reasons").EnumerateArray().Select(reason => reason.GetProperty("code").GetString()));
        Assert.True(option is null ? free > 0 : free == 64_000_000_000, $"{free}");
        Assert.Matches("\nfree memory: [0-9]+\\.[0-9] [GM]iB\r?\n", (await Explain(arguments)).Output);
    }

    [Fact]
    public async Task Explain_GpuWithoutDevice_AnswersForTheGpuAndItsMemory()
    {
        using JsonDocument answer = JsonDocument.Parse(
            (await Explain("--shape", "1,8,1024,1024,40", "--gpu", "Tesla T4", "--json")).Output
        );
        Assert.Equal("cuda:0", answer.RootElement.GetProperty("problem").GetProperty("device").GetString());
        Assert.Equal(16L << 30, answer.RootElement.GetProperty("freeBytes").GetInt64());
        Assert.Contains(
            "float32, cpu",
            (await Explain("--shape", "1,8,1024,1024,40", "--gpu", "Tesla T4", "--device", "cpu")).Output,
            StringComparison.Ordinal
        );
        Assert.Contains("float32, cpu", (await Explain("--shape", "1,8,1024,1024,40", "--gpu", "none")).Output, StringComparison.Ordinal);
        string help = string.Join(
            ' ',
            (await Cli.RunAsync("attention", "explain", "--help")).Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        );
        Assert.Contains("default: the GPU of a described machine that has one, else cpu", help, StringComparison.Ordinal);
        Assert.Contains("\"require NAME\" (only that backend)", help, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_SizesBeyondAllMemory_Exits2()
    {
        ProgramRun run = await Explain("--shape", "2147483647,2147483647,2147483647,2147483647,2147483647");
        Cli.AssertFailure(2, run);
        Assert.Contains("smaller than 2^62 bytes", run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--json")]
    [InlineData("--verbose")]
    public async Task Explain_NothingRuns_SaysNowhereThatNothingIsNeeded(string form)
    {
        ProgramRun run = await Explain(
            "--shape",
            "1,8,1024,1024,40",
            "--dtype",
            "f16",
            "--gpu",
            "RTX 4090",
            "--libtorch",
            "2.10.0+cpu",
            form
        );
        Assert.True(run.ExitCode == 3, run.Errors);
        Assert.Contains("ATT0103", run.Output, StringComparison.Ordinal);
        Assert.Contains("use --device cpu; or give --libtorch DIR with a CUDA build", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("none needed", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("ATT0810", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_Chinese_HasNoEnglishFrame()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder.File("tuning.json"), "{", TestContext.Current.CancellationToken); // a table that is not used
        Dictionary<string, string?> damaged = new() { ["LATENTSYNC_TUNING"] = folder.File("tuning.json") };
        foreach (Dictionary<string, string?> variables in (Dictionary<string, string?>[])[Untuned, damaged])
        {
            ProgramRun run = await Cli.RunAsync(
                variables,
                "attention",
                "explain",
                "--shape",
                "1,8,1024,1024,40",
                "--causal",
                "--lang",
                "zh"
            );
            Assert.Equal(0, run.ExitCode);
            Assert.Contains("选用：managed-flash", run.Output, StringComparison.Ordinal);
            Assert.Contains("空闲内存：", run.Output, StringComparison.Ordinal);
            Assert.Contains("后端顺序：内置", run.Output, StringComparison.Ordinal);
            Assert.DoesNotMatch("chosen|runs|does not|found:|required:|remedy:|memory|order of|is not used", run.Output);
        }
    }

    private static Task<ProgramRun> Explain(params string[] arguments) =>
        Cli.RunAsync(Untuned, ["attention", "explain", .. arguments, "--lang", "en"]);
}
