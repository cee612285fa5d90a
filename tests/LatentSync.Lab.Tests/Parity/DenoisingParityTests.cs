using System.Text.Json;
using System.Text.Json.Nodes;
using LatentSync.Checkpoints;
using LatentSync.Lab.Parity;
using LatentSync.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Tests.Parity;

[Trait("Category", "Parity")]
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

    [Fact]
    public void Run_PipelineOfOtherScaling_FailsAtTheLatents()
    {
        using TemporaryFixture copy = new("pipeline", manifest => manifest["config"]!["scaling_factor"] = 0.5);
        ParityResult result = ParityRunner.Run([copy.Folder]).Results.Single();
        Assert.False(result.Comparisons.Single(c => c.Name == "guided.chunk0_masked_image_latents").Passed, result.Message);
        Assert.True(result.Comparisons.Single(c => c.Name == "guided.chunk0_mask_latents").Passed);
    }

    [Fact]
    public void Run_PipelineWithPicksLaterChunksAndOwnInputs_ComparesThem()
    {
        using TemporaryFixture copy = new(
            "pipeline",
            manifest =>
            {
                manifest["variants"]!["other"] = manifest["variants"]!["unguided"]!.DeepClone();
                manifest["variants"]!.AsObject().Remove("unguided");
            }
        );
        copy.ChangeTensors(tensors =>
        {
            Tensor latents = tensors["guided.final_latents"]; // (1, 4, 6, s, s)
            using Tensor indices = tensor(new long[] { 1, 4 });
            tensors["guided.final_latents_picked"] = latents.index_select(2, indices);
            tensors["guided.final_latents_picked_indices"] = indices.clone();
            tensors["guided.final_frames_uint8_picked"] = tensors["guided.final_frames_uint8"].index_select(0, indices);
            tensors["guided.final_frames_uint8_picked_indices"] = indices.to(ScalarType.Int32);
            Tensor mask = tensors["guided.chunk0_mask_latents"];
            tensors["guided.chunk1_mask_latents"] = mask.clone();
            tensors["other.faces"] = tensors["faces"].clone();
            tensors["other.final_frames_picked"] = tensors["unguided.final_frames_picked"];
            tensors["other.final_frames_picked_indices"] = tensors["unguided.final_frames_picked_indices"];
            tensors["guided.chunk1_reference_latents"] = tensors["guided.chunk0_reference_latents"] + 1; // wrong on purpose
        });
        ParityResult result = ParityRunner.Run([copy.Folder]).Results.Single();
        Assert.Equal(["guided.chunk1_reference_latents"], result.Comparisons.Where(c => !c.Passed).Select(c => c.Name));
        string[] names = [.. result.Comparisons.Select(c => c.Name)];
        Assert.Contains("guided.final_latents_picked", names);
        Assert.Contains("guided.final_frames_uint8_picked", names);
        Assert.Contains("guided.chunk1_mask_latents", names);
        Assert.Contains("other.final_frames_picked", names);
        Assert.Equal(9 + 4, names.Length);
    }

    [Fact]
    public void Run_PipelineWithWeightsInItsOwnFolder_TakesTheirConfigurationFromItsManifest()
    {
        using TemporaryFixture copy = new(
            "pipeline",
            manifest =>
            {
                foreach ((string network, string fixture) in new[] { ("unet", "unet_motion"), ("vae", "vae") })
                {
                    JsonNode sibling = JsonNode.Parse(File.ReadAllText(Path.Combine(Golden, fixture, "manifest.json")))!;
                    manifest[$"{network}_config"] = sibling["config"]!.DeepClone();
                    manifest["weights"]![network] = $"{network}.safetensors";
                }
            }
        );
        File.Copy(Path.Combine(Golden, "unet_motion", "weights.safetensors"), Path.Combine(copy.Folder, "unet.safetensors"));
        File.Copy(Path.Combine(Golden, "vae", "weights.safetensors"), Path.Combine(copy.Folder, "vae.safetensors"));
        ParityResult result = ParityRunner.Run([copy.Folder]).Results.Single();
        Assert.True(result.Outcome == ParityOutcome.Passed, result.Message);
    }

    [Theory]
    [InlineData("outputs of the named submodules for case \"per-item\"; cut", "per-item")]
    [InlineData("outputs for case main-long, cut", "main-long")]
    [InlineData("outputs of the main forward pass", "main")]
    [InlineData("outputs of everything", "first case")]
    public void RecordedCase_Prose_NamesARealCase(string prose, string expected)
    {
        string json = new JsonObject
        {
            ["fixture"] = "x",
            ["cases"] = new JsonObject
            {
                ["first case"] = new JsonObject(),
                ["main"] = new JsonObject(),
                ["main-long"] = new JsonObject(),
                ["per-item"] = new JsonObject(),
            },
            ["tensors"] = new JsonObject { ["intermediates.safetensors"] = prose },
        }.ToJsonString();
        using JsonDocument document = JsonDocument.Parse(json);
        Assert.Equal(expected, UNetParity.RecordedCase(new ParityManifest(".", document.RootElement)));
    }

    [Theory]
    [InlineData("unet_plain")]
    [InlineData("vae")]
    public void Run_RecordedModuleThatDoesNotExist_FailsByItsName(string fixture)
    {
        using TemporaryFixture copy = new(fixture, _ => { });
        copy.ChangeTensors(tensors => tensors["mid_block.nothing"] = zeros(1, 2), "intermediates.safetensors");
        ParityResult result = ParityRunner.Run([copy.Folder]).Results.Single();
        ParityComparison failed = Assert.Single(result.Comparisons, c => !c.Passed);
        Assert.Equal(("mid_block.nothing", "no module of this name showed an output"), (failed.Name, failed.Detail));
    }

    [Theory]
    [InlineData("unet_plain")]
    [InlineData("vae")]
    public void Run_IntermediatesWithoutTensors_Fail(string fixture)
    {
        using TemporaryFixture copy = new(fixture, _ => { });
        copy.ChangeTensors(tensors => tensors.Clear(), "intermediates.safetensors");
        ParityResult result = ParityRunner.Run([copy.Folder]).Results.Single();
        Assert.Equal("intermediates.safetensors", Assert.Single(result.Comparisons, c => !c.Passed).Name);
    }

    [Fact]
    public void Run_InputsThroughAChain_AreFound()
    {
        using TemporaryFixture copy = new(
            "unet_motion",
            manifest => manifest["cases"]!["third"] = new JsonObject { ["inputs_as_in"] = "per_item_timestep" }
        );
        copy.ChangeTensors(tensors => tensors["third.output"] = tensors["per_item_timestep.output"].clone());
        ParityResult result = ParityRunner.Run([copy.Folder]).Results.Single();
        Assert.True(result.Outcome == ParityOutcome.Passed, result.Message);
        Assert.Contains(result.Comparisons, c => c.Name == "third.output");
    }

    [Fact]
    public void Run_NetworkWithoutAudio_TakesNoTokensAndOlderWeightsAreNamed()
    {
        using TemporaryFixture copy = new("unet_plain", manifest => manifest["config"]!["add_audio_layer"] = false);
        copy.ChangeTensors(tensors =>
        {
            foreach (string name in tensors.Keys.Where(n => n.EndsWith("encoder_hidden_states", StringComparison.Ordinal)).ToArray())
            {
                tensors.Remove(name);
            }
        });
        ParityResult result = ParityRunner.Run([copy.Folder]).Results.Single();
        Assert.True(result.Comparisons.Single(c => c.Name == "conv_in").Passed, result.Message);
        Assert.False(result.Comparisons.Single(c => c.Name == "mid_block").Passed); // recorded with the audio layers
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
            foreach ((string network, JsonNode? file) in json["weights"]?.AsObject().ToArray() ?? [])
            {
                json["weights"]![network] = Path.GetFullPath(Path.Combine(Golden, name, file!.GetValue<string>())); // the copy has no siblings
            }
            change(json);
            File.WriteAllText(manifest, json.ToJsonString());
        }

        public string Folder { get; }

        public void ChangeTensors(Action<Dictionary<string, Tensor>> change, string file = "io.safetensors")
        {
            string path = Path.Combine(Folder, file);
            using DisposeScope scope = NewDisposeScope();
            Dictionary<string, Tensor> tensors = [];
            using (TensorArchive archive = TensorArchive.Open(path))
            {
                foreach (string name in archive.Tensors.Keys)
                {
                    tensors[name] = ParityTensors.Read(archive, name);
                }
            }
            change(tensors);
            SafetensorsWriter.Write(path, tensors.Select(e => Payload(e.Key, e.Value)), new Dictionary<string, string>());
        }

        public void Dispose() => Directory.Delete(Folder, recursive: true);

        private static KeyValuePair<string, TensorPayload> Payload(string name, Tensor tensor)
        {
            TensorElementType type = tensor.dtype switch
            {
                ScalarType.Byte => TensorElementType.UInt8,
                ScalarType.Int32 => TensorElementType.Int32,
                ScalarType.Int64 => TensorElementType.Int64,
                _ => TensorElementType.Float32,
            };
            return KeyValuePair.Create(name, new TensorPayload(type, tensor.shape, stream => stream.Write(tensor.contiguous().bytes)));
        }
    }
}
