using System.Diagnostics;
using System.Text.Json;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>`attention verify` and `attention tune` as scripts see them. Each run has a cache of its own.</summary>
[Trait("Category", "Integration")]
public sealed class AttentionVerifyTests : IDisposable
{
    private readonly TemporaryFolder _cache = new();

    private Dictionary<string, string?> Variables => new() { ["LATENTSYNC_TUNING"] = _cache.File("tuning.json") };

    public void Dispose() => _cache.Dispose();

    [Fact]
    public async Task Verify_Json_HasTheContractsKeysForEveryBackend()
    {
        ProgramRun run = await Cli.RunAsync(
            Variables,
            "attention",
            "verify",
            "--layer",
            "syncnet",
            "--dtype",
            "f32,bf16",
            "--budget",
            "0.02",
            "--json"
        );

        Assert.True(run.ExitCode == 0, run.Errors);
        using JsonDocument answer = JsonDocument.Parse(run.Output);
        Assert.Equal(JsonValueKind.Object, answer.RootElement.GetProperty("machine").ValueKind);
        JsonElement[] results = [.. answer.RootElement.GetProperty("results").EnumerateArray()];
        Assert.Equal(
            4 * 2,
            results.Select(r => (r.GetProperty("layer").GetString(), r.GetProperty("dtype").GetString())).Distinct().Count()
        );
        Assert.Subset(
            results.Select(r => r.GetProperty("backend").GetString()!).ToHashSet(),
            new HashSet<string> { "managed-flash", "torch-flash", "torch-math", "sliced" }
        );
        Assert.All(
            results,
            result =>
            {
                Assert.Equal("latentsync-256", result.GetProperty("workload").GetString());
                JsonElement shape = result.GetProperty("shape");
                Assert.All(
                    ["b", "h", "lq", "lk", "d", "dv", "hkv"],
                    (Action<string>)(key => Assert.True(shape.GetProperty(key).GetInt32() > 0))
                );
                Assert.True(result.GetProperty("passed").GetBoolean());
                Assert.All(
                    ["maxAbsError", "relativeError", "milliseconds", "gflops"],
                    (Action<string>)(key => Assert.True(result.GetProperty(key).GetDouble() > 0))
                );
                Assert.All(
                    ["fmaGflops", "peakFraction", "matmulFraction", "ratioToBest", "speedOverBestOther"],
                    (Action<string>)(key => Assert.True(result.GetProperty(key).GetDouble() > 0))
                );
                Assert.Equal(JsonValueKind.Null, result.GetProperty("gradientErrors").ValueKind);
                Assert.True(result.GetProperty("peakBytes").ValueKind is JsonValueKind.Number or JsonValueKind.Null);
            }
        );
        Assert.Equal(4 * 2, results.Count(result => result.GetProperty("chosen").GetBoolean()));
        Assert.Equal("forward", answer.RootElement.GetProperty("pass").GetString());
        Assert.All(
            ["f32", "bf16"],
            (Action<string>)(
                dtype =>
                {
                    JsonElement peak = answer.RootElement.GetProperty("fmaGflops").GetProperty(dtype);
                    Assert.True(peak.GetProperty("best").GetDouble() >= peak.GetProperty("median").GetDouble());
                    Assert.True(answer.RootElement.GetProperty("matmulGflops").GetProperty(dtype).GetDouble() > 0);
                }
            )
        );
        Assert.Contains("verifying 8/8", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Verify_Table_ShowsLayersLegendAndVerdict()
    {
        ProgramRun run = await Cli.RunAsync(
            Variables,
            "attention",
            "verify",
            "--workload",
            "mla-192",
            "--layer",
            "v2-lite.decode",
            "--budget",
            "0.02",
            "--threads",
            "1"
        );

        Assert.True(run.ExitCode == 0, run.Errors);
        Assert.Contains("1 threads", run.Output, StringComparison.Ordinal);
        Assert.Contains("deepseek-v2-lite.decode.2048", run.Output, StringComparison.Ordinal);
        Assert.Contains("1,16,1,2048,192/128", run.Output, StringComparison.Ordinal);
        Assert.Contains("geometric mean", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"GFLOP/s +% +x best +x other +error", run.Output);
        Assert.Contains("multiply-add peak during the measurements, f32: median", run.Output, StringComparison.Ordinal);
        Assert.Contains(" 0 wrong", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("verifying", run.Output, StringComparison.Ordinal); // progress is for standard error
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Verify_Training_ChecksAndTimesGradients()
    {
        ProgramRun run = await Cli.RunAsync(
            Variables,
            "attention",
            "verify",
            "--training",
            "--layer",
            "syncnet.visual",
            "--budget",
            "0.02",
            "--json"
        );

        Assert.True(run.ExitCode == 0, run.Errors);
        using JsonDocument answer = JsonDocument.Parse(run.Output);
        Assert.Equal("backward", answer.RootElement.GetProperty("pass").GetString());
        Assert.All(
            answer.RootElement.GetProperty("results").EnumerateArray(),
            result =>
            {
                Assert.True(result.GetProperty("passed").GetBoolean());
                Assert.True(result.GetProperty("speedOverBestOther").GetDouble() > 0);
                Assert.All(
                    ["query", "key", "value"],
                    (Action<string>)(key => Assert.True(result.GetProperty("gradientErrors").GetProperty(key).GetDouble() > 0))
                );
            }
        );
        Assert.Equal(
            2,
            answer
                .RootElement.GetProperty("results")
                .EnumerateArray()
                .Count(result => result.GetProperty("backend").GetString() == "torch-flash")
        );
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Verify_BackendsThatRunNowhere_AreListedOnceAtTheEnd()
    {
        ProgramRun run = await Cli.RunAsync(Variables, "attention", "verify", "--layer", "syncnet", "--budget", "0.01");

        Assert.True(run.ExitCode == 0, run.Errors);
        string[] lines = run.Output.Split('\n', StringSplitOptions.TrimEntries);
        int heading = Array.IndexOf(lines, "at every layer");
        Assert.True(heading > Array.FindLastIndex(lines, line => line.StartsWith("syncnet.", StringComparison.Ordinal)), run.Output);
        Assert.All(
            ["torch-efficient", "torch-cudnn"],
            backend =>
            {
                string line = Assert.Single(lines, line => line.Contains(backend, StringComparison.Ordinal));
                Assert.Matches($"^{backend} +does not run: ATT0[0-9]+ device cpu$", line);
                Assert.True(Array.IndexOf(lines, line) > heading);
            }
        );
    }

    [Fact]
    public async Task Verify_List_ShowsEveryWorkload()
    {
        ProgramRun run = await Cli.RunAsync("attention", "verify", "--list");
        Assert.Equal(0, run.ExitCode);
        Assert.All(
            ["latentsync-256:", "latentsync-512:", "gqa-128:", "mla-192:", "vit-72-80:", "unet.temporal.64x64"],
            (Action<string>)(name => Assert.Contains(name, run.Output, StringComparison.Ordinal))
        );
    }

    [Theory]
    [InlineData("latentsync-512", "--workload", "latentsync-51")]
    [InlineData("--list", "--layer", "no such layer")]
    [InlineData("managed-flash", "--backend", "flash")]
    [InlineData("f32", "--dtype", "f32,int8")]
    [InlineData("--budget", "--budget", "0")]
    [InlineData("--repeats", "--repeats", "0")]
    public async Task Verify_WrongOption_Exits2AndSaysWhatIsMeant(string hint, string option, string value)
    {
        ProgramRun run = await Cli.RunAsync(Variables, "attention", "verify", option, value);
        Cli.AssertFailure(2, run);
        Assert.Contains(hint, run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tune_ThenExplain_UsesTheMeasuredOrderUntilItIsCleared()
    {
        const string Shape = "1,8,130,130,32";
        ProgramRun tune = await Cli.RunAsync(Variables, "attention", "tune", "--layer", "syncnet.audio.10x13", "--budget", "0.02");
        Assert.True(tune.ExitCode == 0, tune.Errors);
        Assert.Contains("1 classes", tune.Output, StringComparison.Ordinal);

        Assert.True(await IsTuned(Shape));
        Assert.False(await IsTuned("1,8,4096,4096,32"));
        ProgramRun show = await Cli.RunAsync(Variables, "attention", "tune", "--show", "--json");
        using (JsonDocument shown = JsonDocument.Parse(show.Output))
        {
            Assert.True(shown.RootElement.GetProperty("tuned").GetBoolean());
            Assert.Equal(1, shown.RootElement.GetProperty("entries").GetArrayLength());
        }
        Assert.Equal(0, (await Cli.RunAsync(Variables, "attention", "tune", "--clear")).ExitCode);
        Assert.False(await IsTuned(Shape));

        async Task<bool> IsTuned(string shape)
        {
            ProgramRun explain = await Cli.RunAsync(Variables, "attention", "explain", "--shape", shape, "--json");
            using JsonDocument answer = JsonDocument.Parse(explain.Output);
            return answer.RootElement.GetProperty("tuned").GetBoolean();
        }
    }

    [Fact]
    public async Task Tune_SwitchedOff_Exits2()
    {
        ProgramRun run = await Cli.RunAsync(new Dictionary<string, string?> { ["LATENTSYNC_TUNING"] = "off" }, "attention", "tune");
        Cli.AssertFailure(2, run);
        Assert.Contains("LATENTSYNC_TUNING", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Tune_Interrupted_Exits130AndWritesNothing()
    {
        string? env = ProgramRun.Find("env"),
            kill = ProgramRun.Find("kill");
        Assert.SkipWhen(OperatingSystem.IsWindows() || env is null || kill is null, "sends SIGINT, which only Unix has");
        bool sent = false;
        ProgramRun run = await ProgramRun.RunAsync(
            // A test started in the background inherits an ignored SIGINT; env gives the program the usual one again.
            new ProgramStart(
                env!,
                "--default-signal=INT",
                Cli.Path,
                "attention",
                "tune",
                "--layer",
                "whisper",
                "--dtype",
                "f32,bf16,f16,f64",
                "--budget",
                "30"
            )
            {
                Variables = Variables,
                OnErrorLine = (line, process) =>
                {
                    if (!sent && line.StartsWith("verifying 2/", StringComparison.Ordinal))
                    {
                        sent = true;
                        using Process killer = Process.Start(
                            kill!,
                            ["-INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]
                        );
                        killer.WaitForExit();
                    }
                },
            }
        );
        Assert.True(sent);
        Assert.True(run.ExitCode == 130, $"{run.ExitCode}: {run.Errors}");
        Assert.Equal(string.Empty, run.Output);
        Assert.False(File.Exists(_cache.File("tuning.json")));
    }
}
