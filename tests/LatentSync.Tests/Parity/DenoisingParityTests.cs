using System.Text.Json.Nodes;
using LatentSync.Parity;
using LatentSync.Testing;

namespace LatentSync.Tests.Parity;

public sealed class DenoisingParityTests
{
    private static readonly string Golden = Path.Combine(RepositoryRoot.Find(), "tests", "Data", "golden");

    [Theory]
    [InlineData("unet_motion", 16)]
    [InlineData("unet_plain", 8)]
    [InlineData("ddim", 9)]
    [InlineData("pipeline", 9)]
    public void Run_GoldenFixture_Passes(string fixture, int comparisons)
    {
        ParityResult result = ParityRunner.Run([Path.Combine(Golden, fixture)]).Results.Single();
        Assert.True(result.Outcome == ParityOutcome.Passed, result.Message);
        Assert.Equal(comparisons, result.Comparisons.Count);
    }

    [Theory]
    [InlineData("attention_head_dim", 8, "down_blocks.0")]
    [InlineData("use_inflated_groupnorm", true, "down_blocks.0")]
    [InlineData("flip_sin_to_cos", false, "time_embedding")]
    [InlineData("freq_shift", 1, "time_embedding")]
    [InlineData("center_input_sample", true, "conv_in")]
    [InlineData("mid_block_scale_factor", 2, "mid_block")]
    [InlineData("act_fn", "mish", "down_blocks.0")]
    [InlineData("norm_eps", 0.1, "down_blocks.0")]
    public void Run_ChangedConfiguration_FailsWhereTheKeyActs(string key, object value, string module)
    {
        using TemporaryFixture copy = new("unet_motion", manifest => manifest["config"]![key] = JsonValue.Create(value));
        ParityResult result = ParityRunner.Run([copy.Folder]).Results.Single();
        Assert.Equal(ParityOutcome.Failed, result.Outcome);
        Assert.False(result.Comparisons.Single(c => c.Name == module).Passed);
        Assert.Contains(result.Comparisons, c => c.Name == "main.output" && !c.Passed);
    }

    [Fact]
    public void Run_OtherFolderName_IsRecognisedByComponent()
    {
        using TemporaryFixture copy = new("unet_plain", manifest => manifest["fixture"] = "some_other_name");
        Assert.Equal(ParityOutcome.Passed, ParityRunner.Run([copy.Folder]).Results.Single().Outcome);
    }

    private sealed class TemporaryFixture : IDisposable
    {
        public TemporaryFixture(string name, Action<JsonNode> change)
        {
            Folder = Directory.CreateTempSubdirectory("parity-").FullName;
            foreach (string file in Directory.GetFiles(Path.Combine(Golden, name)))
            {
                File.Copy(file, Path.Combine(Folder, Path.GetFileName(file)));
            }
            string manifest = Path.Combine(Folder, "manifest.json");
            JsonNode json = JsonNode.Parse(File.ReadAllText(manifest))!;
            change(json);
            File.WriteAllText(manifest, json.ToJsonString());
        }

        public string Folder { get; }

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}
