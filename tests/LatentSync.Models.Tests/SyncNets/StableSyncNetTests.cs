using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using LatentSync.Models.SyncNets;
using LatentSync.Models.Tests.Autoencoders;
using LatentSync.Models.Tests.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.SyncNets;

public sealed class StableSyncNetTests
{
    [Fact]
    public void Create_ReleasedConfiguration_HasTheReleasedKeysAndShapes()
    {
        using StableSyncNet network = StableSyncNet.Create(SyncNetConfiguration.StableSyncNet(), ScalarType.Float32, META);
        string[] expected =
        [
            .. AutoencoderKLTests
                .KeyList("stable_syncnet_16_pixel_attn_keys.tsv")
                .Select(row => $"{row[0]} {row[1]}")
                .Order(StringComparer.Ordinal),
        ];
        Assert.Equal(266, expected.Length);
        Assert.Equal(expected, AutoencoderKLTests.Keys(network));
        Assert.Equal(401_306_080, network.parameters().Sum(p => p.numel()));
    }

    [Theory]
    [InlineData(1, 178, 371_766_496)]
    [InlineData(2, 144, 65_544_416)]
    public void Create_OtherPreset_HasAsManyParametersAsTheOriginal(int preset, int tensors, long parameters)
    {
        using StableSyncNet network = StableSyncNet.Create(SyncNetConfiguration.Presets[preset].Configuration, ScalarType.Float32, META);
        Assert.Equal(tensors, network.state_dict().Count);
        Assert.Equal(parameters, network.parameters().Sum(p => p.numel()));
    }

    [Theory]
    [InlineData(ScalarType.Float64, 3e-6)] // the original computed in float32
    [InlineData(ScalarType.Float32, 1e-5)]
    [InlineData(ScalarType.BFloat16, 4e-2)]
    public void Embed_GoldenInput_EqualsTheOriginal(ScalarType dtype, double bound)
    {
        using GoldenFixture golden = new("syncnet");
        SyncNetConfiguration configuration = SyncNetConfiguration.FromJson(golden.Configuration) with
        {
            NumFrames = 4,
            Resolution = 16,
            AudioColumns = 52,
        };
        using StableSyncNet network = StableSyncNet.Create(configuration, dtype, CPU);
        using (TensorArchive weights = golden.OpenWeights())
        {
            SyncNetCheckpoint.Load(network, weights);
        }
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        (Tensor visual, Tensor audio) = network.Embed(golden.Read("visual").to(dtype), golden.Read("audio").to(dtype));
        Assert.Equal(dtype, visual.dtype);
        Assert.InRange(TensorAssert.RelativeError(visual, golden.Read("vision_embeds")), 0, bound);
        Assert.InRange(TensorAssert.RelativeError(audio, golden.Read("audio_embeds")), 0, bound);
        Assert.InRange(TensorAssert.RelativeError(StableSyncNet.Similarity(visual, audio), golden.Read("cosine_similarity")), 0, bound);
    }

    [Fact]
    public void Embed_AnyInput_HasLengthOneAndNothingNegative()
    {
        using StableSyncNet network = SyncNetFixtures.Random();
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        (Tensor visual, Tensor audio) = network.Embed(SyncNetFixtures.Visual(3), SyncNetFixtures.Audio(3));
        foreach (Tensor embedding in new[] { visual, audio })
        {
            Assert.Equal([3, 64], embedding.shape);
            Assert.InRange(embedding.min().item<float>(), 0, 1);
            TensorAssert.Close(embedding.norm(1), ones(3), 1e-6, 0);
        }
    }

    [Fact]
    public void Arrange_Frames_ArePutSideBySideAndHalved()
    {
        using StableSyncNet network = SyncNetFixtures.Random();
        using DisposeScope scope = NewDisposeScope();
        Tensor frames = rand([2, 2, 3, 8, 8]);
        Tensor arranged = network.Arrange(frames);
        Assert.Equal([2, 6, 4, 8], arranged.shape);
        for (int channel = 0; channel < 6; channel++)
        {
            TensorAssert.Close(arranged[TensorIndex.Colon, channel], frames[TensorIndex.Colon, channel / 3, channel % 3, 4..8], 0, 0);
        }
    }

    [Fact]
    public void Embed_WithoutGradients_LeavesOnlyItsResults()
    {
        using StableSyncNet network = SyncNetFixtures.Random();
        using Tensor visual = SyncNetFixtures.Visual(2);
        using Tensor audio = SyncNetFixtures.Audio(2);
        using IDisposable noGrad = no_grad();
        Assert.Equal(
            0,
            LiveTensors.LeftBy(() =>
            {
                (Tensor v, Tensor a) = network.Embed(visual, audio);
                v.Dispose();
                a.Dispose();
                network.Arrange(zeros([1, 2, 3, 8, 8])).Dispose();
            }) - 1
        ); // the zeros
    }

    [Fact]
    public void InitializeForTraining_SameSeed_GivesTheSameWeights()
    {
        using StableSyncNet first = SyncNetFixtures.Random(seed: 5);
        using StableSyncNet second = SyncNetFixtures.Random(seed: 5);
        using StableSyncNet other = SyncNetFixtures.Random(seed: 6);
        Assert.All(first.state_dict(), entry => TensorAssert.Close(entry.Value, second.state_dict()[entry.Key].clone(), 0, 0));
        Assert.False(first.state_dict()["audio_encoder.conv_in.weight"].allclose(other.state_dict()["audio_encoder.conv_in.weight"]));
        Assert.All(first.parameters(), p => Assert.True(p.requires_grad));
    }

    [Fact]
    public void Create_ContradictoryConfiguration_IsRefused() =>
        Assert.Throws<ModelConfigurationException>(() =>
            StableSyncNet.Create(SyncNetFixtures.Small with { Resolution = 16 }, ScalarType.Float32, META)
        );
}
