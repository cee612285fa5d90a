using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.UNets;

public sealed class UNetCheckpointTests : IDisposable
{
    private static readonly UNet3DConfiguration Temporal = UNetFixtures.Small;
    private static readonly UNet3DConfiguration FirstStage = UNetFixtures.Small with { UseMotionModule = false };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("unet tests ü ");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("state_dict.")]
    [InlineData("state_dict.module.")]
    [InlineData("module.")]
    public void Load_AnyWrapping_FillsEveryTensor(string prefix)
    {
        using UNet3DConditionModel source = UNetFixtures.Random(Temporal, seed: 1);
        using UNet3DConditionModel target = UNetFixtures.Random(Temporal, seed: 2);
        using TensorArchive archive = Write(StateDictWriter.Payloads(source, prefix));
        UNetLoadReport report = UNetCheckpoint.Load(target, archive);
        Assert.Empty(report.Missing);
        Assert.Empty(report.Unexpected);
        Assert.Empty(report.Dropped);
        Assert.Empty(report.Warnings);
        AssertSame(source, target);
    }

    [Fact]
    public void Open_TheOriginalsLayout_GivesAFrozenNetworkInTheWantedDtype()
    {
        using UNet3DConditionModel source = UNetFixtures.Random(Temporal);
        string path = Path.Combine(_folder.FullName, "latentsync_unet.pt");
        CheckpointDictionary file = new() { { "global_step", 12345L }, { "state_dict", StateDictWriter.Dictionary(source) } };
        TorchCheckpointWriter.Write(path, file);
        (UNet3DConditionModel network, UNetLoadReport report) = UNetCheckpoint.Open(path, Temporal, ScalarType.BFloat16, CPU);
        using (network)
        {
            Assert.Equal(12345, report.GlobalStep);
            Assert.Equal(ScalarType.BFloat16, network.Dtype);
            Assert.All(network.parameters(), parameter => Assert.False(parameter.requires_grad));
            source.to(ScalarType.BFloat16);
            AssertSame(source, network);
        }
    }

    [Fact]
    public void Open_AnotherArchitecture_IsRefusedBeforeTheNetworkTakesMemory()
    {
        using UNet3DConditionModel source = UNetFixtures.Random(Temporal);
        string path = Path.Combine(_folder.FullName, "small.safetensors");
        SafetensorsWriter.Write(path, StateDictWriter.Payloads(source));
        // Some 10 TB of parameters: allocating them would fail in another way.
        UNet3DConfiguration huge = UNet3DConfiguration.LatentSync15() with
        {
            BlockOutChannels = [9600, 16000, 16000, 16000],
        };
        Assert.Throws<CheckpointMismatchException>(() => UNetCheckpoint.Open(path, huge, ScalarType.Float32, CPU));
    }

    [Fact]
    public void Load_FirstStageIntoTemporal_MakesTheTemporalLayersAnIdentity()
    {
        using UNet3DConditionModel source = UNetFixtures.Random(FirstStage);
        using UNet3DConditionModel target = UNet3DConditionModel.Create(Temporal, ScalarType.Float32, CPU);
        using TensorArchive archive = Write(StateDictWriter.Payloads(source));
        UNetLoadReport report = UNetCheckpoint.Load(target, archive);
        Assert.NotEmpty(report.Missing);
        Assert.All(report.Missing, key => Assert.Contains("motion_modules", key, StringComparison.Ordinal));
        Assert.Contains("pass their input on unchanged", Assert.Single(report.Warnings), StringComparison.Ordinal);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = UNetFixtures.Noise(1, 1, 5, 3, 8, 8);
        Tensor tokens = UNetFixtures.Noise(2, 1, 3, 4, 12);
        Assert.True(UNetFixtures.Same(source.forward(sample, tensor(9L), tokens), target.forward(sample, tensor(9L), tokens)));
    }

    [Fact]
    public void Load_TemporalIntoFirstStage_ReportsWhatIsNotUsed()
    {
        using UNet3DConditionModel source = UNetFixtures.Random(Temporal);
        using UNet3DConditionModel target = UNetFixtures.Random(FirstStage, seed: 5);
        using TensorArchive archive = Write(StateDictWriter.Payloads(source));
        UNetLoadReport report = UNetCheckpoint.Load(target, archive);
        Assert.Empty(report.Missing);
        Assert.All(report.Unexpected, key => Assert.Contains("motion_modules", key, StringComparison.Ordinal));
        Assert.Equal(source.state_dict().Count - target.state_dict().Count, report.Unexpected.Count);
    }

    [Fact]
    public void Load_StableDiffusion_IsRefusedUnlessATrainingAsksForIt()
    {
        UNet3DConfiguration stable = FirstStage with { InChannels = 4, CrossAttentionDim = 20 };
        using UNet3DConditionModel source = UNetFixtures.Random(stable);
        using UNet3DConditionModel target = UNet3DConditionModel.Create(FirstStage, ScalarType.Float32, CPU);
        target.InitializeForTraining(3);
        using TensorArchive archive = Write(StateDictWriter.Payloads(source));
        CheckpointMismatchException error = Assert.Throws<CheckpointMismatchException>(() => UNetCheckpoint.Load(target, archive));
        Assert.Contains("looks like a Stable Diffusion U-Net (4 input channels)", error.Message, StringComparison.Ordinal);
        Assert.Contains("conv_in.weight", error.Message, StringComparison.Ordinal);

        UNetLoadReport report = UNetCheckpoint.Load(target, archive, allowMissing: true);
        int audioLayers = 4; // down 1, mid 1, up 2
        Assert.Equal(2 + 2 * audioLayers, report.Dropped.Count);
        Dictionary<string, Tensor> state = target.state_dict();
        Assert.Equal(0, state["conv_in.weight"].abs().max().item<float>()); // restarts from zero, as in the original
        Assert.Equal(0, state["conv_in.bias"].abs().max().item<float>());
        Assert.True(UNetFixtures.Same(state["conv_out.weight"], source.state_dict()["conv_out.weight"]));
    }

    [Fact]
    public void Load_OtherWidths_NamesKeysAndShapesAndCopiesNothing()
    {
        using UNet3DConditionModel source = UNetFixtures.Random(Temporal with { BlockOutChannels = [32, 96] });
        using UNet3DConditionModel target = UNetFixtures.Random(Temporal, seed: 9);
        using UNet3DConditionModel untouched = UNetFixtures.Random(Temporal, seed: 9);
        using TensorArchive archive = Write(StateDictWriter.Payloads(source));
        CheckpointMismatchException error = Assert.Throws<CheckpointMismatchException>(() =>
            UNetCheckpoint.Load(target, archive, allowMissing: true)
        );
        Assert.Contains("have a different shape", error.Message, StringComparison.Ordinal);
        Assert.Contains("file (96,", error.Message, StringComparison.Ordinal);
        AssertSame(untouched, target);
    }

    [Fact]
    public void Load_MissingTensor_IsRefused()
    {
        using UNet3DConditionModel source = UNetFixtures.Random(Temporal);
        using TensorArchive archive = Write(StateDictWriter.Payloads(source).Where(p => p.Key != "mid_block.resnets.1.conv2.weight"));
        CheckpointMismatchException error = Assert.Throws<CheckpointMismatchException>(() => UNetCheckpoint.Load(source, archive));
        Assert.Equal(["mid_block.resnets.1.conv2.weight"], error.Report.Missing);
    }

    [Fact]
    public void Load_WithoutPositionTables_ComputesThem()
    {
        using UNet3DConditionModel source = UNetFixtures.Random(Temporal);
        using UNet3DConditionModel target = UNet3DConditionModel.Create(Temporal, ScalarType.Float32, CPU);
        using TensorArchive archive = Write(StateDictWriter.Payloads(source).Where(p => !p.Key.EndsWith(".pe", StringComparison.Ordinal)));
        Assert.Empty(UNetCheckpoint.Load(target, archive).Missing);
        AssertSame(source, target);
    }

    [Theory]
    [InlineData("encoder.down_blocks.0.resnets.0.conv1.weight", "an image autoencoder (VAE)")]
    [InlineData("encoder.blocks.0.attn.query.weight", "a Whisper model")]
    [InlineData("model.diffusion_model.input_blocks.0.0.weight", "a Stable Diffusion checkpoint in the single-file layout")]
    [InlineData("down_blocks.0.motion_modules.0.temporal_transformer.norm.weight", "AnimateDiff motion modules without a U-Net")]
    [InlineData("fc.weight", "not a U-Net of this family")]
    public void Describe_OtherKinds_AreRecognised(string key, string description)
    {
        using Tensor one = ones(1);
        using TensorArchive archive = Write([KeyValuePair.Create(key, Payload(one))]);
        Assert.Equal(description, UNetCheckpoint.Describe(archive).ToString());
    }

    [Fact]
    public void Describe_UNets_AreToldApart()
    {
        Assert.Contains("motion modules in encoder and decoder", Describe(Temporal), StringComparison.Ordinal);
        Assert.Contains(
            "motion modules in the decoder only",
            Describe(Temporal with { MotionModuleDecoderOnly = true }),
            StringComparison.Ordinal
        );
        Assert.Contains("first-stage", Describe(FirstStage), StringComparison.Ordinal);
        using Tensor weight = ones([32, 13, 3, 3]);
        using TensorArchive old = Write([
            KeyValuePair.Create("conv_in.weight", Payload(weight)),
            KeyValuePair.Create("mid_block.attentions.0.transformer_blocks.0.audio_cross_attn.norm.weight", Payload(weight)),
        ]);
        Assert.Contains("LatentSync 1.0", UNetCheckpoint.Describe(old).ToString(), StringComparison.Ordinal);

        string Describe(UNet3DConfiguration configuration)
        {
            using UNet3DConditionModel network = UNetFixtures.Random(configuration);
            using TensorArchive archive = Write(StateDictWriter.Payloads(network));
            return UNetCheckpoint.Describe(archive).ToString();
        }
    }

    private static void AssertSame(UNet3DConditionModel expected, UNet3DConditionModel actual)
    {
        Dictionary<string, Tensor> state = actual.state_dict();
        Assert.All(expected.state_dict(), entry => Assert.True(UNetFixtures.Same(entry.Value, state[entry.Key]), entry.Key));
    }

    private static TensorPayload Payload(Tensor tensor) =>
        new(TensorElementType.Float32, tensor.shape, stream => stream.Write(tensor.bytes));

    private TensorArchive Write(IEnumerable<KeyValuePair<string, TensorPayload>> tensors)
    {
        string path = Path.Combine(_folder.FullName, $"{Guid.NewGuid():N}.safetensors");
        SafetensorsWriter.Write(path, [.. tensors]);
        return TensorArchive.Open(path);
    }
}
