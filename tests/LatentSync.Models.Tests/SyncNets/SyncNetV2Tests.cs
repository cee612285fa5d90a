using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using LatentSync.Models.SyncNets;
using LatentSync.Models.Tests.Loading;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace LatentSync.Models.Tests.SyncNets;

public sealed class SyncNetV2Tests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("syncnet v2 tests ü ");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Embed_AnyInput_EqualsTheLayersWrittenOneByOne()
    {
        using SyncNetV2 network = Random();
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Generator generator = new(3);
        Dictionary<string, Tensor> state = network.state_dict();
        Tensor sound = randn([2, 1, 13, 20], generator: generator);
        Tensor expected = max_pool2d(Step2(state, "netcnnaud", 4, Step2(state, "netcnnaud", 0, sound, 1), 1), [3, 3], [1, 2]);
        expected = Step2(state, "netcnnaud", 14, Step2(state, "netcnnaud", 11, Step2(state, "netcnnaud", 8, expected, 1), 1), 1);
        expected = Step2(state, "netcnnaud", 18, max_pool2d(expected, [3, 3], [2, 2]), 0);
        Assert.Equal([2, 512, 1, 1], expected.shape);
        TensorAssert.Close(network.EmbedSound(sound), Final(state, "netfcaud", expected), 1e-4, 1e-4);

        Tensor frames = rand([1, 3, 5, 224, 224], generator: generator) * 255;
        Tensor lips = max_pool3d(Step3(state, 0, frames, [1, 2, 2], [0, 0, 0]), [1, 3, 3], [1, 2, 2]);
        lips = max_pool3d(Step3(state, 4, lips, [1, 2, 2], [0, 1, 1]), [1, 3, 3], [1, 2, 2], [0, 1, 1]);
        Assert.Equal([1, 256, 1, 13, 13], lips.shape);
        lips = Step3(state, 14, Step3(state, 11, Step3(state, 8, lips, [1, 1, 1], [0, 1, 1]), [1, 1, 1], [0, 1, 1]), [1, 1, 1], [0, 1, 1]);
        lips = Step3(state, 18, max_pool3d(lips, [1, 3, 3], [1, 2, 2]), [1, 1, 1], [0, 0, 0]);
        Assert.Equal([1, 512, 1, 1, 1], lips.shape);
        TensorAssert.Close(network.EmbedLips(frames), Final(state, "netfclip", lips), 1e-4, 1e-4);
    }

    [Fact]
    public void Load_FileWithoutBatchCounters_FillsTheRest()
    {
        using SyncNetV2 source = Random();
        string path = Path.Combine(_folder.FullName, "syncnet_v2.model");
        CheckpointDictionary file = [];
        foreach (
            (string key, TensorPayload payload) in StateDictWriter
                .Payloads(source)
                .Where(e => !e.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal))
        )
        {
            file.Add(key, payload);
        }
        TorchCheckpointWriter.Write(path, file);
        using SyncNetV2 loaded = SyncNetV2Checkpoint.Load(path, CPU);
        Dictionary<string, Tensor> state = loaded.state_dict();
        Assert.All(
            source.state_dict().Where(e => e.Value.is_floating_point()),
            e => TensorAssert.Close(state[e.Key], e.Value.clone(), 0, 0)
        );
        Assert.All(loaded.parameters(), p => Assert.False(p.requires_grad));
        Assert.False(loaded.training);
    }

    [Fact]
    public void Load_AStableSyncNet_IsRefused()
    {
        using StableSyncNet other = SyncNetFixtures.Random();
        string path = Path.Combine(_folder.FullName, "stable_syncnet.pt");
        SyncNetCheckpoint.Save(path, other, 1);
        CheckpointMismatchException error = Assert.Throws<CheckpointMismatchException>(() => SyncNetV2Checkpoint.Load(path, CPU));
        Assert.Equal("a SyncNet", error.LooksLike?.ToString());
    }

    private static SyncNetV2 Random()
    {
        SyncNetV2 network = new();
        using IDisposable noGrad = no_grad();
        Generator generator = new(1);
        foreach ((string key, Tensor value) in network.state_dict().Where(e => e.Value.is_floating_point()))
        {
            long fanIn = Math.Max(1, value.numel() / value.shape[0]);
            double bound = key.EndsWith("weight", StringComparison.Ordinal) && value.dim() > 1 ? Math.Sqrt(6.0 / fanIn) : 0.5;
            value.copy_(
                rand(value.shape, generator: generator)
                    .sub(key.EndsWith("running_var", StringComparison.Ordinal) ? -0.5 : 0.5)
                    .mul(2 * bound)
            );
        }
        return network;
    }

    private static Tensor Step2(Dictionary<string, Tensor> state, string stack, int index, Tensor input, long padding) =>
        Normalize(
            state,
            stack,
            index + 1,
            conv2d(input, state[$"{stack}.{index}.weight"], state[$"{stack}.{index}.bias"], padding: [padding, padding])
        );

    private static Tensor Step3(Dictionary<string, Tensor> state, int index, Tensor input, long[] stride, long[] padding) =>
        Normalize(
            state,
            "netcnnlip",
            index + 1,
            conv3d(input, state[$"netcnnlip.{index}.weight"], state[$"netcnnlip.{index}.bias"], strides: stride, padding: padding)
        );

    private static Tensor Final(Dictionary<string, Tensor> state, string stack, Tensor input)
    {
        Tensor hidden = linear(input.flatten(1), state[$"{stack}.0.weight"], state[$"{stack}.0.bias"]);
        return linear(Normalize(state, stack, 1, hidden), state[$"{stack}.3.weight"], state[$"{stack}.3.bias"]);
    }

    private static Tensor Normalize(Dictionary<string, Tensor> state, string stack, int index, Tensor input)
    {
        long[] shape = [1, -1, .. Enumerable.Repeat(1L, (int)input.dim() - 2)];
        Tensor Of(string name) => state[$"{stack}.{index}.{name}"].view(shape);
        return ((input - Of("running_mean")) / (Of("running_var") + 1e-5).sqrt() * Of("weight") + Of("bias")).relu();
    }
}
