using System.Text;
using System.Text.Json.Nodes;
using LatentSync.Lab.Conformance;
using LatentSync.Lab.Parity;
using LatentSync.Testing;

namespace LatentSync.Lab.Tests.Conformance;

/// <summary>The published cases of the ONNX operator Attention on every backend, and what broken lists and files do.</summary>
public sealed class AttentionCaseRunnerTests : IDisposable
{
    private const string Plain = "test_attention_4d",
        Copied = "test_attention_4d_with_past_and_present",
        Capped = "test_attention_4d_softcap";

    private readonly string _folder = Directory.CreateTempSubdirectory("attention cases ü ").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [Trait("Category", "Parity")]
    [InlineData(null, 75)]
    [InlineData("sliced", 75)]
    [InlineData("reference", 75)]
    [InlineData("managed-flash", 75)]
    [InlineData("torch-flash", 65)]
    [InlineData("torch-math", 65)]
    public void Run_PublishedCases_AllPassThatTheRulesAllow(string? backend, int expected)
    {
        AttentionCaseSummary summary = AttentionCaseRunner.Run([Published], new AttentionCaseOptions { Backend = backend });
        Assert.True(summary.Failed == 0, string.Join(Environment.NewLine, summary.Results.Where(r => r.Outcome == ParityOutcome.Failed)));
        Assert.Equal(expected, summary.Passed);
        Assert.Equal(75 - expected, summary.Skipped);
        Assert.All(
            summary.Results.Where(r => r.Outcome == ParityOutcome.Skipped),
            r => Assert.Contains("no softcap", r.Message, StringComparison.Ordinal)
        );
        Assert.All(summary.Results.Where(r => r.Passed), r => Assert.InRange(r.MaxAbsError!.Value, 0, 1e-2));
        Assert.Equal(expected == 75 ? "75 passed, 0 failed" : "65 passed, 0 failed, 10 skipped", summary.ToString());
        Assert.All(
            summary.Results,
            r =>
                Assert.True(
                    backend is null ? r.Backend is "managed-flash" or "torch-flash" or "sliced" or "torch-math" : r.Backend == backend,
                    r.ToString()
                )
        );
    }

    [Fact]
    public void Run_WrongExpectation_FailsAndSaysWhere()
    {
        JsonObject entry = Take(Plain);
        Change(Plain, file => file.AsSpan((int)DataOffset(Plain, "Y"), 4).Fill(0x40)); // Y's first element
        AttentionCaseResult result = Run(entry);
        Assert.Equal(ParityOutcome.Failed, result.Outcome);
        Assert.Contains("Y: 1 of", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_CopyThatDiffersInOneBit_Fails()
    {
        JsonObject entry = Take(Copied);
        entry["tolerance"] = new JsonObject { ["atol"] = 1e6, ["rtol"] = 0 };
        long offset = DataOffset(Copied, "present_key");
        Change(Copied, file => file[(int)offset] ^= 1);
        AttentionCaseResult result = Run(entry);
        Assert.Equal(ParityOutcome.Failed, result.Outcome);
        Assert.Contains("present_key", result.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../" + Plain + ".safetensors", "inside the folder")]
    [InlineData("/etc/passwd", "inside the folder")]
    [InlineData("sub/../../x.safetensors", "inside the folder")]
    [InlineData("", "inside the folder")]
    [InlineData("missing.safetensors", "missing.safetensors")]
    public void Run_FileThatIsNotThere_FailsThatCaseOnly(string file, string reason)
    {
        JsonObject broken = Take(Plain);
        broken["file"] = file;
        AttentionCaseSummary summary = RunAll(broken, Take(Capped));
        Assert.Equal("1 passed, 1 failed", summary.ToString());
        Assert.Contains(reason, summary.Results[0].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("link.safetensors", "link.safetensors", false)] // the file itself
    [InlineData("sub/file.safetensors", "sub", false)] // a folder on the way
    [InlineData("inner.safetensors", "inner.safetensors", true)]
    public void Run_FileBehindALink_IsReadOnlyWhenItLiesInTheFolder(string file, string link, bool isInside)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        JsonObject entry = Take(Plain);
        entry["file"] = file;
        string outside = Directory.CreateTempSubdirectory("outside ").FullName;
        try
        {
            string kept = Path.Combine(_folder, Plain + ".safetensors");
            string target =
                isInside ? Plain + ".safetensors"
                : link == file ? Path.Combine(outside, "file.safetensors")
                : outside;
            File.Copy(kept, Path.Combine(outside, "file.safetensors"));
            File.CreateSymbolicLink(Path.Combine(_folder, link), target);
            AttentionCaseResult result = Run(entry);
            Assert.True(isInside == (result.Outcome == ParityOutcome.Passed), result.ToString());
            Assert.Equal(!isInside, result.Message?.Contains("inside the folder", StringComparison.Ordinal) ?? false);
        }
        finally
        {
            Directory.Delete(outside, recursive: true);
        }
    }

    [Fact]
    public void Run_LinkInACircle_FailsThatCase()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        JsonObject entry = Take(Plain);
        entry["file"] = "a";
        File.CreateSymbolicLink(Path.Combine(_folder, "a"), "b");
        File.CreateSymbolicLink(Path.Combine(_folder, "b"), "a");
        Assert.Contains("inside the folder", Run(entry).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("attributes", """{"unheard_of": 1}""", "unheard_of")]
    [InlineData("attributes", """{"is_causal": 2}""", "is_causal")]
    [InlineData("attributes", """{"is_causal": 0.5}""", "is_causal")]
    [InlineData("attributes", """{"scale": "large"}""", "scale")]
    [InlineData("attributes", """{"scale": 1e999}""", "scale")]
    [InlineData("attributes", """{"softmax_precision": 7}""", "softmax_precision")]
    [InlineData("attributes", """{"left_window_size": -2}""", "left_window_size")]
    [InlineData("attributes", """{"q_num_heads": 99}""", "q_num_heads")]
    [InlineData("attributes", "[]", "attributes")]
    [InlineData("inputs", "[]", "inputs")]
    [InlineData("inputs", """[{"name": "Q", "dtype": "F32", "shape": [2, 3, 4, 8]}]""", "no input K")]
    [InlineData("inputs", """[{"name": "Z", "dtype": "F32", "shape": []}]""", "Z")]
    [InlineData("outputs", """[{"name": "Y", "dtype": "F33", "shape": []}]""", "F33")]
    [InlineData("outputs", """[{"name": "Y", "dtype": "F32", "shape": [-1]}]""", "shape")]
    [InlineData("outputs", """[{"name": "Y", "dtype": "F32", "shape": [1]}]""", "listed as")]
    [InlineData("outputs", """[{"name": "present_key", "dtype": "F32", "shape": [1]}]""", "present_key")]
    [InlineData("tolerance", """{"atol": -1}""", "atol")]
    [InlineData("file", "5", "file")]
    public void Run_EntryThatIsNotUnderstood_FailsAndSaysWhy(string key, string json, string reason)
    {
        JsonObject entry = Take(Plain);
        entry[key] = JsonNode.Parse(json);
        AttentionCaseResult result = Run(entry);
        Assert.Equal(ParityOutcome.Failed, result.Outcome);
        Assert.Contains(reason, result.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', result.Message);
    }

    [Fact]
    public void Run_RandomDamage_FailsOrPassesButNeverThrows()
    {
        var random = new Random(11);
        JsonObject entry = Take(Plain);
        byte[] whole = File.ReadAllBytes(Path.Combine(Published, Plain + ".safetensors"));
        string file = Path.Combine(_folder, Plain + ".safetensors");
        for (int i = 0; i < 200; i++)
        {
            byte[] damaged = random.Next(3) == 0 ? whole[..random.Next(whole.Length)] : [.. whole];
            for (int k = 0; k < 5 && damaged.Length > 0; k++)
            {
                damaged[random.Next(Math.Min(damaged.Length, 600))] = (byte)random.Next(256);
            }
            File.WriteAllBytes(file, damaged);
            Assert.Single(RunAll((JsonObject)entry.DeepClone()).Results);
        }
    }

    [Theory]
    [InlineData("not json", "not valid JSON")]
    [InlineData("[]", "no list")]
    [InlineData("""{"cases": 5}""", "no list")]
    [InlineData("""{"cases": []}""", "hold no case")]
    [InlineData("""{"operator": "Gemm", "cases": []}""", "another operator")]
    public void Run_FileThatIsNoListOfCases_IsRefused(string text, string reason)
    {
        File.WriteAllText(Path.Combine(_folder, "cases.json"), text);
        var exception = Assert.Throws<ParityException>(() => AttentionCaseRunner.Run([_folder]));
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_DeeplyNestedOrStrangeEntries_FailOneByOne()
    {
        File.WriteAllText(Path.Combine(_folder, "cases.json"), """{"cases": [null, 5, "x", [], {}, {"name": ""}, {"name": "a\u0007b"}]}""");
        AttentionCaseSummary summary = AttentionCaseRunner.Run([_folder]);
        Assert.Equal("0 passed, 7 failed", summary.ToString());
        Assert.Equal(["case[0]", "case[5]", "a?b"], new[] { 0, 5, 6 }.Select(i => summary.Results[i].Name));
        File.WriteAllText(Path.Combine(_folder, "cases.json"), string.Concat(Enumerable.Repeat("{\"cases\":", 5000)));
        Assert.Throws<ParityException>(() => AttentionCaseRunner.Run([_folder]));
    }

    [Fact]
    public void Run_FilterPathsAndUnknownBackend_AreObeyedOrRefused()
    {
        string file = Path.Combine(Published, "cases.json");
        AttentionCaseSummary summary = AttentionCaseRunner.Run([file, Published], new AttentionCaseOptions { Filter = "4D_GQA_SOFTCAP" });
        Assert.Equal(
            ["test_attention_4d_gqa_softcap", "test_attention_4d_gqa_softcap"],
            summary.Results.Where(r => r.Passed).Select(r => r.Name)
        );
        Assert.Throws<ParityException>(() => AttentionCaseRunner.Run([Published], new AttentionCaseOptions { Filter = "no such case" }));
        Assert.Throws<ParityException>(() => AttentionCaseRunner.Run([Published], new AttentionCaseOptions { Backend = "flash" }));
        Assert.Throws<ParityException>(() => AttentionCaseRunner.Run([Path.Combine(_folder, "nothing")]));
        Assert.Throws<ParityException>(() => AttentionCaseRunner.Run([_folder]));
    }

    private static string Published => RepositoryRoot.PathOf("tests", "Data", "conformance", "onnx-attention");

    /// <summary>Copies a published case's file and returns its entry.</summary>
    private JsonObject Take(string name)
    {
        File.Copy(Path.Combine(Published, name + ".safetensors"), Path.Combine(_folder, name + ".safetensors"), overwrite: true);
        JsonNode list = JsonNode.Parse(File.ReadAllText(Path.Combine(Published, "cases.json")))!;
        return (JsonObject)list["cases"]!.AsArray().Single(entry => (string)entry!["name"]! == name)!.DeepClone();
    }

    private void Change(string name, Action<byte[]> change)
    {
        string path = Path.Combine(_folder, name + ".safetensors");
        byte[] file = File.ReadAllBytes(path);
        change(file);
        File.WriteAllBytes(path, file);
    }

    private long DataOffset(string name, string tensor)
    {
        byte[] file = File.ReadAllBytes(Path.Combine(_folder, name + ".safetensors"));
        int length = (int)BitConverter.ToInt64(file, 0);
        JsonNode header = JsonNode.Parse(Encoding.UTF8.GetString(file, 8, length))!;
        return 8 + length + (long)header[tensor]!["data_offsets"]![0]!;
    }

    private AttentionCaseResult Run(JsonObject entry) => Assert.Single(RunAll(entry).Results);

    private AttentionCaseSummary RunAll(params JsonObject[] entries)
    {
        var list = new JsonObject { ["operator"] = "Attention", ["cases"] = new JsonArray([.. entries]) };
        File.WriteAllText(Path.Combine(_folder, "cases.json"), list.ToJsonString());
        return AttentionCaseRunner.Run([_folder]);
    }
}
