using LatentSync.Checkpoints;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Loading;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.AudioEncoders;

public sealed class WhisperCheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("whisper ü ").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Target => Path.Combine(_folder, "tiny.pt");

    [Theory]
    [InlineData(ScalarType.Float32, 0)]
    [InlineData(ScalarType.Float16, 1e-3)]
    public void Load_SavedEncoder_HasItsDimensionsAndWeights(ScalarType dtype, double bound)
    {
        using WhisperEncoder saved = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        WhisperCheckpoint.Save(Target, saved);
        using WhisperEncoder loaded = WhisperCheckpoint.Load(Target, dtype, CPU);
        Assert.Equal(saved.Configuration, loaded.Configuration);
        Assert.Equal(dtype, loaded.Dtype);
        Assert.All(loaded.parameters(), p => Assert.False(p.requires_grad));
        foreach ((string key, Tensor value) in saved.state_dict())
        {
            using Tensor wide = loaded.state_dict()[key].to(ScalarType.Float32, copy: true);
            using Tensor difference = (wide - value).abs();
            Assert.InRange(difference.max().item<float>(), 0, bound);
        }
    }

    [Fact]
    public void Load_WithTheTextHalf_IgnoresIt()
    {
        using WhisperEncoder saved = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        CheckpointDictionary weights = StateDictWriter.Dictionary(saved, "encoder.");
        weights.Add("decoder.positional_embedding", TensorPayload.FromBytes(TensorElementType.Float32, [2], new byte[8]));
        WriteCheckpoint(saved.Configuration, weights);
        using WhisperEncoder loaded = WhisperCheckpoint.Load(Target, ScalarType.Float32, CPU);
        Assert.Equal(saved.Configuration, loaded.Configuration);
    }

    [Fact]
    public void Load_OtherCheckpoint_SaysItIsNoWhisper()
    {
        TorchCheckpointWriter.Write(Target, new CheckpointDictionary { { "global_step", 3 } });
        ModelConfigurationException exception = Assert.Throws<ModelConfigurationException>(() => Load());
        Assert.Equal(
            $"{Target} is not a Whisper checkpoint: it has no \"dims\"; give the original's tiny.pt or small.pt.",
            exception.Message
        );
    }

    [Fact]
    public void Load_DimensionsOfAnotherSize_NamesKeysAndShapes()
    {
        using WhisperEncoder saved = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        WriteCheckpoint(saved.Configuration with { AudioLayers = 3, AudioPositions = 50 }, StateDictWriter.Dictionary(saved, "encoder."));
        CheckpointMismatchException exception = Assert.Throws<CheckpointMismatchException>(() => Load());
        Assert.Contains("positional_embedding: file (60, 24), network (50, 24)", exception.Message);
        Assert.Contains("blocks.2.attn.query.weight", exception.Report.Missing);
    }

    [Fact]
    public void Load_DimensionsOfAbsurdSize_IsAMismatchAndTakesNoMemory()
    {
        using WhisperEncoder saved = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        WriteCheckpoint(
            saved.Configuration with
            {
                AudioWidth = 1 << 20,
                AudioHeads = 1,
                AudioPositions = 1 << 20,
            },
            StateDictWriter.Dictionary(saved, "encoder.")
        );
        CheckpointMismatchException exception = Assert.Throws<CheckpointMismatchException>(() => Load());
        Assert.Contains("conv1.weight: file (24, 80, 3), network (1048576, 80, 3)", string.Join(' ', exception.Report.Differences));
    }

    [Theory]
    [InlineData("n_audio_head", 5, "n_audio_head (5) does not divide n_audio_state (24)")]
    [InlineData("n_audio_state", 0, "n_audio_state is 0, but must be an integer from 1")]
    [InlineData("n_audio_ctx", 1 << 30, "n_audio_ctx is 1073741824, but must be an integer from 1")]
    public void Load_ImpossibleDimension_IsNamed(string name, int value, string expected)
    {
        CheckpointDictionary dims = [];
        foreach ((string key, int number) in WhisperEncoderTests.Small.Dimensions)
        {
            dims.Add(key, key == name ? value : number);
        }
        TorchCheckpointWriter.Write(
            Target,
            new CheckpointDictionary { { "dims", dims }, { "model_state_dict", new CheckpointDictionary() } }
        );
        ModelConfigurationException exception = Assert.Throws<ModelConfigurationException>(() => Load());
        Assert.StartsWith(Target, exception.Message);
        Assert.Contains(expected, exception.Message);
    }

    [Fact]
    public void Load_TruncatedFile_IsATypedError()
    {
        using WhisperEncoder saved = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        WhisperCheckpoint.Save(Target, saved);
        byte[] bytes = File.ReadAllBytes(Target);
        File.WriteAllBytes(Target, bytes[..(bytes.Length / 2)]);
        Assert.Contains(Target, Assert.Throws<CheckpointFormatException>(() => Load()).Message);
    }

    [Fact]
    public void Load_NoFile_Throws() => Assert.Throws<FileNotFoundException>(() => Load());

    private void Load() => WhisperCheckpoint.Load(Target, ScalarType.Float32, CPU).Dispose();

    private void WriteCheckpoint(WhisperConfiguration configuration, CheckpointDictionary weights)
    {
        CheckpointDictionary dims = [];
        foreach ((string name, int value) in configuration.Dimensions)
        {
            dims.Add(name, value);
        }
        TorchCheckpointWriter.Write(Target, new CheckpointDictionary { { "dims", dims }, { "model_state_dict", weights } });
    }
}
