using LatentSync.Models.Autoencoders;
using LatentSync.Training.Loops;
using LatentSync.Training.Loops.Autoencoders;
using LatentSync.Training.Tests.SyncNets;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Loops;

[Trait("Category", "Integration")]
public sealed class AutoencoderTrainingTests(TalkingHeads heads) : IClassFixture<TalkingHeads>
{
    private const string Configuration = """
        model:
          _class_name: AutoencoderKL
          in_channels: 3
          out_channels: 3
          latent_channels: 4
          block_out_channels: [16, 16]
          down_block_types: [DownEncoderBlock2D, DownEncoderBlock2D]
          up_block_types: [UpDecoderBlock2D, UpDecoderBlock2D]
          layers_per_block: 1
          norm_num_groups: 8
          act_fn: silu
        data: { resolution: 64, batch_size: 2 }
        ckpt: { save_ckpt_steps: 3 }
        optimizer: { lr: 2e-3, max_grad_norm: 1.0 }
        run: { max_train_steps: 6, seed: 42, ema_decay: 0.5, mouth_weight: 3, masked_share: 0.2 }
        """;

    [Fact]
    public void Run_StoppedAndResumed_EndsWithTheWeightsOfOneRun()
    {
        TrainingReport whole = AutoencoderTraining.Run(Run("whole", Configuration));
        AutoencoderTraining.Run(Run("parts", Configuration) with { MaxSteps = 3 });
        TrainingReport parts = AutoencoderTraining.Run(Run("parts", Configuration) with { Resume = true });

        Assert.Equal((3, 6), (parts.ResumedFrom, parts.Steps));
        Assert.Equal(File.ReadAllText(whole.LossCurve), File.ReadAllText(parts.LossCurve));
        Assert.Equal(
            File.ReadAllText(Path.Combine(whole.Checkpoint, "config.json")),
            File.ReadAllText(Path.Combine(parts.Checkpoint, "config.json"))
        );
        AssertSame(whole.Checkpoint, parts.Checkpoint);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Run_ValidationVideos_AreMeasuredAndTheScaleIsThatOfTheLatents()
    {
        TrainingReport report = AutoencoderTraining.Run(
            Run("validated", Configuration.Replace("resolution: 64", $"resolution: 64, val_data_dir: \"{heads.Faces}\""))
        );
        LossHistory history = LossHistory.FromCsv(File.ReadAllText(report.LossCurve));
        Assert.All(
            ["validation PSNR", "validation PSNR of the mouth region"],
            (Action<string>)(name => Assert.All(history.Curve(name), point => Assert.InRange(point.Value, 3, 60)))
        );
        using AutoencoderKL network = AutoencoderFolder.Load(report.Checkpoint, ScalarType.Float32, CPU);
        Assert.InRange(network.Configuration.ScalingFactor, 0.01, 100);
        Assert.Equal(4, network.Configuration.LatentChannels);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Run_DecoderAlone_LeavesTheLatentsAsTheyWere()
    {
        TrainingReport first = AutoencoderTraining.Run(Run("first", Configuration));
        string configuration = Configuration.Replace(
            "masked_share: 0.2",
            "masked_share: 0, trainable_modules: [\"decoder.\", \"post_quant_conv.\"]"
        );
        TrainingReport second = AutoencoderTraining.Run(Run("second", configuration) with { StartPath = first.Checkpoint });

        AssertSame(first.Checkpoint, second.Checkpoint, key => !IsDecoder(key));
        Assert.Throws<Xunit.Sdk.AllException>(() => AssertSame(first.Checkpoint, second.Checkpoint, IsDecoder));

        static bool IsDecoder(string key) =>
            key.StartsWith("decoder.", StringComparison.Ordinal) || key.StartsWith("post_quant_conv.", StringComparison.Ordinal);
    }

    private TrainingRun Run(string name, string configuration) =>
        new()
        {
            ConfigurationPath = heads.Write($"vae-{name}.yaml", configuration),
            OutputFolder = Path.Combine(heads.Folder, "vae", name),
            DataPath = heads.Faces,
            Device = "cpu",
            Threads = 2,
        };

    private static void AssertSame(string expectedFolder, string actualFolder, Func<string, bool>? which = null)
    {
        using AutoencoderKL expected = AutoencoderFolder.Load(expectedFolder, ScalarType.Float32, CPU),
            actual = AutoencoderFolder.Load(actualFolder, ScalarType.Float32, CPU);
        WeightAssert.Same(expected.state_dict(), actual.state_dict(), which);
    }
}
