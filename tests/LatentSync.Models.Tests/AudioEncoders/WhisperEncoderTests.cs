using LatentSync.Checkpoints;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Loading;
using LatentSync.Models.Tests.Autoencoders;
using LatentSync.Models.Tests.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.AudioEncoders;

public sealed class WhisperEncoderTests
{
    internal static readonly WhisperConfiguration Tiny = new()
    {
        MelBands = 80,
        AudioPositions = 1500,
        AudioWidth = 384,
        AudioHeads = 6,
        AudioLayers = 4,
    };

    internal static readonly WhisperConfiguration Small = new()
    {
        MelBands = 80,
        AudioPositions = 60,
        AudioWidth = 24,
        AudioHeads = 3,
        AudioLayers = 2,
    };

    [Theory]
    [InlineData("clip_a")]
    [InlineData("clip_b")]
    public void CollectStates_GoldenSpectrogram_MatchesTheOriginal(string clip)
    {
        using GoldenFixture golden = new("whisper");
        using WhisperEncoder encoder = Golden(golden, ScalarType.Float32);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor states = encoder.CollectStates(golden.Read($"{clip}.log_mel"));
        Assert.Equal([1500, 3, 32], states.shape);
        Tensor rows = states.index_select(0, golden.Read($"{clip}.segment0_row_indices"));
        TensorAssert.Close(rows, golden.Read($"{clip}.segment0_embeddings_rows"), 2e-4, 1e-4);
        Tensor last = states.select(1, 2).index_select(0, tensor(new long[] { 0, 70, 149, 1499 }));
        TensorAssert.Close(encoder.ApplyFinalNorm(last), golden.Read($"{clip}.segment0_ln_post_rows"), 2e-4, 1e-4);
    }

    [Theory]
    [InlineData(ScalarType.Float16, 1e-2)]
    [InlineData(ScalarType.BFloat16, 4e-2)]
    public void CollectStates_HalfPrecision_StaysWithinTheBound(ScalarType dtype, double bound)
    {
        using GoldenFixture golden = new("whisper");
        using WhisperEncoder encoder = Golden(golden, dtype);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor states = encoder.CollectStates(golden.Read("clip_a.log_mel"));
        Assert.Equal(dtype, states.dtype);
        Tensor rows = states.index_select(0, golden.Read("clip_a.segment0_row_indices"));
        Assert.InRange(TensorAssert.RelativeError(rows, golden.Read("clip_a.segment0_embeddings_rows")), 1e-5, bound);
    }

    [Theory]
    [InlineData("whisper_tiny_encoder_keys.tsv", 384, 6, 4)]
    [InlineData("whisper_small_encoder_keys.tsv", 768, 12, 12)]
    public void Create_PublishedDimensions_HaveThePublishedKeysAndShapes(string list, int width, int heads, int layers)
    {
        using WhisperEncoder encoder = WhisperEncoder.Create(
            Tiny with
            {
                AudioWidth = width,
                AudioHeads = heads,
                AudioLayers = layers,
            },
            ScalarType.Float32,
            CPU
        );
        string[] expected = [.. AutoencoderKLTests.KeyList(list).Select(row => $"{row[0]} {row[1]}").Order(StringComparer.Ordinal)];
        Assert.Equal(expected, AutoencoderKLTests.Keys(encoder, "encoder."));
    }

    [Fact]
    public void CollectStates_ShortSpectrogram_IsCompletedWithZeros()
    {
        using WhisperEncoder encoder = Seeded(Small);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor mel = randn(80, 31, generator: new Generator(1));
        Tensor padded = cat([mel, zeros(80, 120 - 31)], 1);
        Assert.Equal([60, 3, 24], encoder.CollectStates(mel).shape);
        Assert.True(encoder.CollectStates(mel).equal(encoder.CollectStates(padded)).all().item<bool>());
    }

    [Theory]
    [InlineData(80, 121)]
    [InlineData(79, 100)]
    public void CollectStates_WrongShape_NamesBoth(int bands, int frames)
    {
        using WhisperEncoder encoder = Seeded(Small);
        using Tensor mel = zeros(bands, frames);
        ArgumentException exception = Assert.Throws<ArgumentException>(() => encoder.CollectStates(mel));
        Assert.Contains($"The spectrogram is ({bands}, {frames}); (80, up to 120) is required.", exception.Message);
    }

    [Theory]
    [InlineData(1, 4, 2, 1, 3)]
    [InlineData(128, 10, 36, 9, 0)]
    [InlineData(16, 33, 8, 1, 5)]
    public void CollectStates_AnyDimensions_HaveTheirShape(int bands, int positions, int width, int heads, int layers)
    {
        WhisperConfiguration configuration = new()
        {
            MelBands = bands,
            AudioPositions = positions,
            AudioWidth = width,
            AudioHeads = heads,
            AudioLayers = layers,
        };
        using WhisperEncoder encoder = Seeded(configuration);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor states = encoder.CollectStates(randn(bands, 2 * positions, generator: new Generator(3)));
        Assert.Equal([positions, layers + 1, width], states.shape);
        Assert.True(states.isfinite().all().item<bool>());
    }

    [Fact]
    public void InitializeForTraining_PositionalTable_IsTheOriginalsSinusoids()
    {
        using GoldenFixture golden = new("whisper");
        using TensorArchive weights = golden.OpenWeights();
        using WhisperEncoder encoder = Seeded(WhisperConfiguration.FromJson(golden.Configuration));
        TensorAssert.Close(
            encoder.state_dict()["positional_embedding"],
            GoldenFixture.Read(weights, "encoder.positional_embedding"),
            2e-4, // the original's angles are float32: up to 1499 radians, 6e-5 apart
            0
        );
    }

    [Fact]
    public void CollectStates_LeavesOnlyItsResult()
    {
        using WhisperEncoder encoder = Seeded(Small);
        using IDisposable noGrad = no_grad();
        using Tensor mel = zeros(80, 100);
        Tensor states = null!;
        Assert.Equal(1, LiveTensors.LeftBy(() => states = encoder.CollectStates(mel)));
        states.Dispose();
    }

    internal static WhisperEncoder Seeded(WhisperConfiguration configuration, long seed = 5)
    {
        WhisperEncoder encoder = WhisperEncoder.Create(configuration, ScalarType.Float32, CPU);
        encoder.InitializeForTraining(seed);
        return encoder;
    }

    internal static WhisperEncoder Golden(GoldenFixture golden, ScalarType dtype)
    {
        WhisperEncoder encoder = WhisperEncoder.Create(WhisperConfiguration.FromJson(golden.Configuration), dtype, CPU);
        using TensorArchive weights = golden.OpenWeights();
        StateDictLoader.Load(encoder, weights, new StateDictOptions { Prefix = "encoder.", Strictness = StateDictStrictness.Exact });
        return encoder;
    }
}
