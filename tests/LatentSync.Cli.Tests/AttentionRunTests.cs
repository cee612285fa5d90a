using System.Text.Json;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>`latentsync attention run`, from outside.</summary>
[Trait("Category", "Integration")]
public sealed class AttentionRunTests
{
    private static string Cases => RepositoryRoot.PathOf("tests", "Data", "conformance", "onnx-attention");

    [Fact]
    public async Task AttentionRun_PublishedCases_AllPass()
    {
        ProgramRun run = await Cli.RunAsync("attention", "run", "--case", Cases);
        Assert.True(run.ExitCode == 0, run.Errors);
        string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal(76, lines.Length);
        Assert.Equal("75 passed, 0 failed", lines[^1]);
        Assert.All(
            lines[..^1],
            line =>
                Assert.Matches(
                    "^passed  test_attention_[a-z0-9_]+  (managed-flash|torch-flash|sliced|torch-math)  max error [0-9.]+e",
                    line
                )
        );
    }

    [Fact]
    public async Task AttentionRun_BackendThatCannot_SkipsWithReasons()
    {
        ProgramRun run = await Cli.RunAsync("attention", "run", "--case", Cases, "--backend", "torch-flash", "--filter", "4d_gqa");
        Assert.True(run.ExitCode == 0, run.Errors);
        Assert.Contains("skipped  test_attention_4d_gqa_softcap  torch-flash  ATT0211", run.Output, StringComparison.Ordinal);
        Assert.Matches("[0-9]+ passed, 0 failed, 1 skipped\\s*$", run.Output);
        ProgramRun none = await Cli.RunAsync("attention", "run", "--case", Cases, "--backend", "torch-flash", "--filter", "4d_gqa_softcap");
        Assert.Equal(1, none.ExitCode); // nothing was shown to be right
        Assert.Contains("0 passed, 0 failed, 1 skipped", none.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AttentionRun_BackendThatThisMachineNeverRuns_IsExitCodeThreeWithTheReason()
    {
        ProgramRun run = await Cli.RunAsync("attention", "run", "--case", Cases, "--backend", "torch-efficient", "--filter", "4d_gqa");
        Assert.True(run.ExitCode == 3, $"{run.ExitCode}: {run.Errors}");
        Assert.Contains("0 passed, 0 failed, ", run.Output, StringComparison.Ordinal);
        Assert.Contains("torch-efficient does not run on this machine's cpu: ATT0300 ", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("ATT0303", run.Errors, StringComparison.Ordinal); // float64, which is not why
    }

    [Fact]
    public async Task AttentionRun_Json_HasOneObjectACase()
    {
        ProgramRun run = await Cli.RunAsync(
            "attention",
            "run",
            "--case",
            Cases,
            "--case",
            Path.Combine(Cases, "cases.json"),
            "--filter",
            "fp16",
            "--json",
            "--backend",
            "sliced"
        );
        Assert.True(run.ExitCode == 0, run.Errors);
        JsonElement root = JsonDocument.Parse(run.Output).RootElement;
        JsonElement[] results = [.. root.GetProperty("results").EnumerateArray()];
        Assert.Equal(root.GetProperty("passed").GetInt32(), results.Length);
        Assert.True(results.Length >= 2 && results.Length % 2 == 0);
        Assert.All(
            results,
            result =>
            {
                Assert.Equal("sliced", result.GetProperty("backend").GetString());
                Assert.True(result.GetProperty("passed").GetBoolean());
                Assert.InRange(result.GetProperty("maxAbsError").GetDouble(), 0, 1e-2);
                Assert.NotEqual("", result.GetProperty("message").GetString());
                Assert.Contains("fp16", result.GetProperty("name").GetString(), StringComparison.Ordinal);
            }
        );
    }

    [Theory]
    [InlineData("does not exist", "--case", "/nowhere/at/all")]
    [InlineData("--case", "--backend", "sliced")]
    [InlineData("no attention backend", "--case", ".", "--backend", "flash")]
    [InlineData("--device", "--case", ".", "--device", "abacus")]
    [InlineData("holds no cases.json", "--case", ".")]
    public async Task AttentionRun_BadInput_IsExitCodeTwo(string part, params string[] arguments)
    {
        ProgramRun run = await Cli.RunAsync(["attention", "run", .. arguments]);
        Cli.AssertFailure(2, run);
        Assert.Contains(part, run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AttentionRun_BrokenCase_FailsAloneWithExitCodeOne()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(
            folder.File("cases.json"),
            """{"operator": "Attention", "cases": [{"name": "broken", "file": "../secret.safetensors"}]}""",
            TestContext.Current.CancellationToken
        );
        ProgramRun run = await Cli.RunAsync("attention", "run", "--case", folder.Path, "--case", Cases, "--filter", "broken");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("failed  broken  auto", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("0 passed, 1 failed", run.Output.TrimEnd(), StringComparison.Ordinal);
    }
}
