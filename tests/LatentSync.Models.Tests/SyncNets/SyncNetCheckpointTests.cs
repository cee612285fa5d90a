using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using LatentSync.Models.SyncNets;
using LatentSync.Models.Tests.Loading;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.SyncNets;

public sealed class SyncNetCheckpointTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("syncnet tests ü ");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Open_WhatSaveWrote_GivesAFrozenNetworkWithTheSameWeights()
    {
        using StableSyncNet source = SyncNetFixtures.Random();
        string path = Path.Combine(_folder.FullName, "checkpoint-7.pt");
        SyncNetCheckpoint.Save(path, source, 7, new Dictionary<string, IReadOnlyList<double>> { ["train_loss_list"] = [0.7, 0.6] });
        using StableSyncNet network = SyncNetCheckpoint.Open(path, SyncNetFixtures.Small, ScalarType.Float32, CPU);
        AssertSame(source, network);
        Assert.All(network.parameters(), p => Assert.False(p.requires_grad));
        using TensorArchive archive = TensorArchive.Open(path);
        using StableSyncNet other = SyncNetFixtures.Random(seed: 9);
        Assert.Equal(7, SyncNetCheckpoint.Load(other, archive));
        Assert.All(other.parameters(), p => Assert.True(p.requires_grad));
    }

    [Theory]
    [InlineData("")]
    [InlineData("state_dict.")]
    [InlineData("state_dict.module.")]
    [InlineData("module.")]
    public void Load_AnyWrapping_FillsEveryTensor(string prefix)
    {
        using StableSyncNet source = SyncNetFixtures.Random();
        using StableSyncNet target = SyncNetFixtures.Random(seed: 2);
        using TensorArchive archive = Write(StateDictWriter.Payloads(source, prefix));
        Assert.Null(SyncNetCheckpoint.Load(target, archive));
        AssertSame(source, target);
    }

    [Fact]
    public void Open_FileOfAnotherConfiguration_NamesTheDifferences()
    {
        using StableSyncNet source = SyncNetFixtures.Random();
        using TensorArchive archive = Write(StateDictWriter.Payloads(source));
        CheckpointMismatchException error = Assert.Throws<CheckpointMismatchException>(() =>
            SyncNetCheckpoint.Open(archive.Path, null, ScalarType.Float32, CPU)
        );
        Assert.Equal("a SyncNet", error.LooksLike?.ToString());
        Assert.Contains("the configured StableSyncNet (16 frames, pixels, embeddings of 2048, with attention)", error.Message);
        Assert.NotEmpty(error.Report.Differences);
        Assert.Null(SyncNetCheckpoint.FindPreset(archive));
    }

    [Fact]
    public void Load_FileWithFurtherTensors_IsRefusedAndNothingIsCopied()
    {
        using StableSyncNet source = SyncNetFixtures.Random();
        using StableSyncNet target = SyncNetFixtures.Random(seed: 2);
        using StableSyncNet untouched = SyncNetFixtures.Random(seed: 2);
        List<KeyValuePair<string, TensorPayload>> payloads = [.. StateDictWriter.Payloads(source)];
        payloads.Add(KeyValuePair.Create("audio_encoder.conv_norm_out.weight", payloads[0].Value));
        using TensorArchive archive = Write(payloads);
        CheckpointMismatchException error = Assert.Throws<CheckpointMismatchException>(() => SyncNetCheckpoint.Load(target, archive));
        Assert.Equal(["audio_encoder.conv_norm_out.weight"], error.Report.Unexpected);
        AssertSame(untouched, target);
    }

    private TensorArchive Write(IReadOnlyList<KeyValuePair<string, TensorPayload>> payloads)
    {
        string path = Path.Combine(_folder.FullName, "syncnet.safetensors");
        SafetensorsWriter.Write(path, payloads);
        return TensorArchive.Open(path);
    }

    private static void AssertSame(StableSyncNet expected, StableSyncNet actual)
    {
        Dictionary<string, Tensor> state = actual.state_dict();
        Assert.All(expected.state_dict(), entry => TensorAssert.Close(state[entry.Key], entry.Value.clone(), 0, 0));
    }
}
