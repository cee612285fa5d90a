using LatentSync.Checkpoints;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;
using LatentSync.Models.Tests.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Autoencoders;

public sealed class AutoencoderFolderTests : IDisposable
{
    private const string Configuration = """{"block_out_channels":[16,32],"norm_num_groups":8,"layers_per_block":1}""";

    private readonly string _folder = Directory.CreateTempSubdirectory("vae folder ü ").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("diffusion_pytorch_model.safetensors", false)]
    [InlineData("diffusion_pytorch_model.safetensors", true)]
    [InlineData("diffusion_pytorch_model.bin", false)]
    [InlineData("diffusion_pytorch_model.bin", true)]
    public void Load_GoldenWeightsInEitherFileAndNaming_GiveTheOriginalsImage(string file, bool oldNames)
    {
        WriteConfiguration(Configuration);
        WriteWeights(file, oldNames, factor: 1);
        using GoldenFixture golden = new("vae");
        using AutoencoderKL vae = AutoencoderFolder.Load(_folder, ScalarType.Float32, CPU);
        Assert.Equal(0.18215, vae.ScalingFactor);
        Assert.Equal(0, vae.ShiftFactor);
        Assert.False(vae.training);
        using Tensor latents = golden.Read("z");
        using Tensor decoded = vae.Decode(latents);
        Assert.False(decoded.requires_grad);
        TensorAssert.Close(decoded, golden.Read("decoded_from_z"), 2e-4, 1e-4);
    }

    [Theory]
    [InlineData("diffusion_pytorch_model.fp16.safetensors")]
    [InlineData("diffusion_pytorch_model.bf16.bin")]
    public void Load_OnlyAVariant_IsLoaded(string file)
    {
        WriteConfiguration(Configuration);
        WriteWeights(file, oldNames: false, factor: 1);
        using AutoencoderKL vae = AutoencoderFolder.Load(_folder, ScalarType.Float32, CPU);
        Assert.True(vae.state_dict()["encoder.conv_in.weight"].abs().max().item<float>() > 0);
    }

    [Fact]
    public void Load_SplitWeights_AreLoadedAndAMissingPartIsNamed()
    {
        WriteConfiguration(Configuration);
        WriteWeights("one.safetensors", oldNames: false, factor: 1);
        string[] parts = ["diffusion_pytorch_model-00001-of-00002.safetensors", "diffusion_pytorch_model-00002-of-00002.safetensors"];
        Dictionary<string, string> map = [];
        using (TensorArchive all = TensorArchive.Open(Path.Combine(_folder, "one.safetensors")))
        {
            string[] names = [.. all.Tensors.Keys];
            for (int part = 0; part < parts.Length; part++)
            {
                string[] own = [.. names.Where((_, i) => i % 2 == part)];
                SafetensorsWriter.Write(Path.Combine(_folder, parts[part]), own.Select(name => KeyValuePair.Create(name, Copy(all, name))));
                Array.ForEach(own, name => map[name] = parts[part]);
            }
        }
        File.Delete(Path.Combine(_folder, "one.safetensors"));
        File.WriteAllText(
            Path.Combine(_folder, "diffusion_pytorch_model.safetensors.index.json"),
            System.Text.Json.JsonSerializer.Serialize(new { metadata = new { total_size = 1 }, weight_map = map })
        );
        using GoldenFixture golden = new("vae");
        using (AutoencoderKL vae = AutoencoderFolder.Load(_folder, ScalarType.Float32, CPU))
        using (Tensor decoded = vae.Decode(golden.Read("z")))
        {
            TensorAssert.Close(decoded, golden.Read("decoded_from_z"), 2e-4, 1e-4);
        }
        File.Delete(Path.Combine(_folder, parts[1]));
        CheckpointFormatException refused = Assert.Throws<CheckpointFormatException>(() =>
            AutoencoderFolder.Load(_folder, ScalarType.Float32, CPU)
        );
        Assert.Contains(parts[1], refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"_class_name":"\ud800"}""", "line 1, byte 16")]
    [InlineData("""{"in_channels":3,"in_channels":4}""", "line 1, byte 18")]
    [InlineData("", "line 1")]
    [InlineData("""{"scaling_factor":1e999}""", "scaling_factor")]
    [InlineData("""{"block_out_channels":"16"}""", "block_out_channels")]
    public void ReadConfiguration_DamagedText_SaysWhere(string text, string place)
    {
        WriteConfiguration(text);
        ModelConfigurationException refused = Assert.Throws<ModelConfigurationException>(() =>
            AutoencoderFolder.ReadConfiguration(_folder)
        );
        Assert.Contains(place, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadConfiguration_Mutated_IsReadOrRefused()
    {
        const string Text =
            """{"_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": [16, 32], "norm_num_groups": 8, "layers_per_block": 1, "scaling_factor": 0.18215, "latent_channels": 4}""";
        int read = Testing
            .TextMutation.Of(Text, seed: 3, count: 1000)
            .Count(mutant =>
            {
                File.WriteAllBytes(Path.Combine(_folder, "config.json"), System.Text.Encoding.UTF8.GetBytes(mutant));
                try
                {
                    return AutoencoderFolder.ReadConfiguration(_folder) is not null;
                }
                catch (ModelConfigurationException)
                {
                    return false;
                }
            });
        Assert.InRange(read, 1, 999);
    }

    private static TensorPayload Copy(TensorArchive archive, string name)
    {
        TensorInfo info = archive.Tensors[name];
        byte[] bytes = new byte[info.ElementCount * info.ElementType.SizeInBytes()];
        archive.CopyTo(name, info.ElementType, bytes);
        return TensorPayload.FromBytes(info.ElementType, info.Shape, bytes);
    }

    [Fact]
    public void Load_BothFiles_TakesSafetensors()
    {
        WriteConfiguration(Configuration);
        WriteWeights("diffusion_pytorch_model.safetensors", oldNames: false, factor: 1);
        WriteWeights("diffusion_pytorch_model.bin", oldNames: false, factor: 0);
        using AutoencoderKL vae = AutoencoderFolder.Load(_folder, ScalarType.Float32, CPU);
        Assert.True(vae.state_dict()["encoder.conv_in.weight"].abs().max().item<float>() > 0);
    }

    [Fact]
    public void Load_BFloat16_ConvertsOnTheWay()
    {
        WriteConfiguration(Configuration);
        WriteWeights("diffusion_pytorch_model.safetensors", oldNames: true, factor: 1);
        using AutoencoderKL vae = AutoencoderFolder.Load(_folder, ScalarType.BFloat16, CPU);
        using GoldenFixture golden = new("vae");
        using DisposeScope scope = NewDisposeScope();
        Tensor decoded = vae.Decode(golden.Read("z").to(ScalarType.BFloat16));
        Assert.InRange(TensorAssert.RelativeError(decoded, golden.Read("decoded_from_z")), 1e-4, 4e-2);
    }

    [Fact]
    public void Load_NoFolder_NamesIt()
    {
        string path = Path.Combine(_folder, "none");
        DirectoryNotFoundException exception = Assert.Throws<DirectoryNotFoundException>(() => Load(path));
        Assert.Contains(path, exception.Message);
        Assert.Contains("config.json", exception.Message);
    }

    [Fact]
    public void Load_NoConfiguration_NamesIt()
    {
        FileNotFoundException exception = Assert.Throws<FileNotFoundException>(() => Load(_folder));
        Assert.Equal(Path.Combine(_folder, "config.json"), exception.FileName);
    }

    [Fact]
    public void Load_NoWeights_NamesBothPossibilities()
    {
        WriteConfiguration(Configuration);
        FileNotFoundException exception = Assert.Throws<FileNotFoundException>(() => Load(_folder));
        Assert.Contains("it needs diffusion_pytorch_model.safetensors or diffusion_pytorch_model.bin", exception.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"block_out_channels\":")]
    [InlineData("not json")]
    public void Load_ConfigurationThatIsNoJson_NamesTheFile(string text)
    {
        WriteConfiguration(text);
        ModelConfigurationException exception = Assert.Throws<ModelConfigurationException>(() => Load(_folder));
        Assert.Contains($"{Path.Combine(_folder, "config.json")} is not valid JSON", exception.Message);
    }

    [Fact]
    public void Load_ImpossibleConfiguration_NamesFileAndKey()
    {
        WriteConfiguration("""{"latent_channels":-1}""");
        ModelConfigurationException exception = Assert.Throws<ModelConfigurationException>(() => Load(_folder));
        Assert.StartsWith(Path.Combine(_folder, "config.json"), exception.Message);
        Assert.Contains("latent_channels is -1", exception.Message);
    }

    [Fact]
    public void Load_ConfigurationOfAnotherSize_NamesKeysAndShapes()
    {
        WriteConfiguration("""{"block_out_channels":[16,32,32],"norm_num_groups":8,"latent_channels":3}""");
        WriteWeights("diffusion_pytorch_model.safetensors", oldNames: true, factor: 1);
        CheckpointMismatchException exception = Assert.Throws<CheckpointMismatchException>(() => Load(_folder));
        Assert.Contains("quant_conv.weight: file (8, 8, 1, 1), network (6, 6, 1, 1)", string.Join('\n', exception.Report.Differences));
        Assert.Contains("encoder.down_blocks.2.resnets.0.conv1.weight", exception.Report.Missing);
        Assert.Contains("AutoencoderKL", exception.Message);
    }

    [Fact]
    public void Load_ConfigurationOfAbsurdSize_IsAMismatchAndTakesNoMemory()
    {
        WriteConfiguration("""{"block_out_channels":[65536,65536,65536,65536],"norm_num_groups":8,"layers_per_block":64}"""); // 280 TB
        WriteWeights("diffusion_pytorch_model.safetensors", oldNames: false, factor: 1);
        CheckpointMismatchException exception = Assert.Throws<CheckpointMismatchException>(() => Load(_folder));
        Assert.Contains("encoder.conv_in.weight: file (16, 3, 3, 3), network (65536, 3, 3, 3)", exception.Message);
    }

    [Theory]
    [InlineData("diffusion_pytorch_model.safetensors")]
    [InlineData("diffusion_pytorch_model.bin")]
    public void Load_TruncatedWeights_IsATypedError(string file)
    {
        WriteConfiguration(Configuration);
        WriteWeights(file, oldNames: false, factor: 1);
        string path = Path.Combine(_folder, file);
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
        CheckpointFormatException exception = Assert.Throws<CheckpointFormatException>(() => Load(_folder));
        Assert.Contains(file, exception.Message);
    }

    [Fact]
    public void Save_LoadedAgain_IsTheSameNetwork()
    {
        AutoencoderConfiguration configuration = AutoencoderConfigurationTests.Parse(
            """{"block_out_channels":[8,16],"norm_num_groups":4,"scaling_factor":0.3,"shift_factor":0.125,"use_post_quant_conv":false}"""
        );
        using AutoencoderKL saved = AutoencoderKLTests.Seeded(configuration, 11);
        string target = Path.Combine(_folder, "saved");
        AutoencoderFolder.Save(target, saved);
        using AutoencoderKL loaded = AutoencoderFolder.Load(target, ScalarType.Float32, CPU);
        Assert.Equal(0.3, loaded.ScalingFactor);
        Assert.Equal(0.125, loaded.ShiftFactor);
        foreach ((string key, Tensor value) in saved.state_dict())
        {
            Assert.True(value.equal(loaded.state_dict()[key]).all().item<bool>(), key);
        }
    }

    private static void Load(string folder) => AutoencoderFolder.Load(folder, ScalarType.Float32, CPU).Dispose();

    private void WriteConfiguration(string json) => File.WriteAllText(Path.Combine(_folder, "config.json"), json);

    /// <summary>Writes the golden weights times a factor; with old names also as (C, C, 1, 1) convolutions.</summary>
    private void WriteWeights(string file, bool oldNames, int factor)
    {
        using GoldenFixture golden = new("vae");
        using TensorArchive weights = golden.OpenWeights();
        List<KeyValuePair<string, TensorPayload>> payloads = [];
        foreach ((string key, TensorInfo info) in weights.Tensors)
        {
            byte[] bytes = new byte[4 * info.ElementCount];
            if (factor != 0)
            {
                weights.CopyTo(key, TensorElementType.Float32, bytes);
            }
            string name = oldNames ? OldName(golden, key) : key;
            IReadOnlyList<long> shape = name != key && info.Shape.Count == 2 ? [.. info.Shape, 1, 1] : info.Shape;
            payloads.Add(new(name, TensorPayload.FromBytes(TensorElementType.Float32, shape, bytes)));
        }
        Assert.Equal(oldNames, payloads.Any(p => p.Key.EndsWith("proj_attn.weight", StringComparison.Ordinal)));
        string path = Path.Combine(_folder, file);
        if (Path.GetExtension(file) == ".bin")
        {
            CheckpointDictionary dictionary = [];
            payloads.ForEach(p => dictionary.Add(p.Key, p.Value));
            TorchCheckpointWriter.Write(path, dictionary);
        }
        else
        {
            SafetensorsWriter.Write(path, payloads);
        }
    }

    private static string OldName(GoldenFixture golden, string key)
    {
        var map = golden.Manifest.GetProperty("older_checkpoint_key_names").GetProperty("map").EnumerateObject();
        return
            map.FirstOrDefault(pair => pair.Value.GetString() == key)
                is { Value.ValueKind: not System.Text.Json.JsonValueKind.Undefined } found
            ? found.Name
            : key;
    }
}
