using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using LatentSync.Models.SyncNets;
using LatentSync.Training.Loops;
using LatentSync.Training.Loops.SyncNets;
using LatentSync.Training.Tests.Loops;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.SyncNets;

[Trait("Category", "Integration")]
public sealed class SyncNetTrainingTests(TalkingHeads heads) : IClassFixture<TalkingHeads>
{
    [Fact]
    public void Run_SmallNetwork_WritesTheOriginalsCheckpointWithItsFourLists()
    {
        TrainingReport report = SyncNetTraining.Run(Run("lists", validation: true));

        Assert.EndsWith("checkpoint-4.pt", report.Checkpoint);
        using StableSyncNet network = SyncNetCheckpoint.Open(report.Checkpoint, TalkingHeads.Network, ScalarType.Float32, CPU);
        using TensorArchive archive = TensorArchive.Open(report.Checkpoint);
        Assert.Equal("4", archive.Metadata["global_step"]);
        Assert.All(["train_step_list", "train_loss_list"], (Action<string>)(name => Assert.Equal(4, Length(archive, name))));
        Assert.All(["val_step_list", "val_loss_list"], (Action<string>)(name => Assert.Equal(2, Length(archive, name))));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Run_StoppedAndResumed_EndsWithTheWeightsOfOneRun()
    {
        TrainingReport whole = SyncNetTraining.Run(Run("whole"));
        SyncNetTraining.Run(Run("parts") with { MaxSteps = 2 });
        TrainingReport parts = SyncNetTraining.Run(Run("parts") with { Resume = true });

        Assert.Equal((2, 4), (parts.ResumedFrom, parts.Steps));
        using StableSyncNet expected = SyncNetCheckpoint.Open(whole.Checkpoint, TalkingHeads.Network, ScalarType.Float32, CPU);
        using StableSyncNet actual = SyncNetCheckpoint.Open(parts.Checkpoint, TalkingHeads.Network, ScalarType.Float32, CPU);
        WeightAssert.Same(expected.state_dict(), actual.state_dict());
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Run_Weights_ChangeFromTheOnesOfResumeCkptPath()
    {
        string start = Path.Combine(heads.Folder, "start.pt");
        using StableSyncNet source = StableSyncNet.Create(TalkingHeads.Network, ScalarType.Float32, CPU);
        source.InitializeForTraining(77);
        SyncNetCheckpoint.Save(start, source, 9);
        string configuration = TalkingHeads
            .Configuration.Replace("resume_ckpt_path: \"\"", "resume_ckpt_path: start.pt")
            .Replace("lr: 1e-3", "lr: 1e-6");
        TrainingReport report = SyncNetTraining.Run(
            Run("continued") with
            {
                ConfigurationPath = heads.Write("continued.yaml", configuration),
            }
        );

        using StableSyncNet trained = SyncNetCheckpoint.Open(report.Checkpoint, TalkingHeads.Network, ScalarType.Float32, CPU);
        double change = (trained.state_dict()["audio_encoder.conv_in.weight"] - source.state_dict()["audio_encoder.conv_in.weight"])
            .abs()
            .max()
            .item<float>();
        Assert.InRange(change, 1e-8, 1e-5); // four steps of 1e-6
    }

    [Theory]
    [InlineData("batch_size", "batchsize", "the nearest known key is \"batch_size\"")]
    [InlineData("lower_half: true", "lower_half: false", "the visual encoder turns its input of 64 x 64")]
    [InlineData("resolution: 64", "resolution: 64, latent_space: true, vae_path: \"\"", "")]
    public void Run_WrongConfiguration_IsRefusedWithTheReason(string part, string replacement, string reason)
    {
        string path = heads.Write($"wrong-{replacement.Length}.yaml", TalkingHeads.Configuration.Replace(part, replacement));
        Exception error = Assert.ThrowsAny<Exception>(() => SyncNetTraining.Run(Run("wrong") with { ConfigurationPath = path }));
        Assert.True(error is ModelConfigurationException or TrainingException, error.ToString());
        Assert.Contains(reason, error.Message);
    }

    private TrainingRun Run(string name, bool validation = false)
    {
        string configuration = validation
            ? TalkingHeads.Configuration.Replace("resolution: 64,", $"resolution: 64, val_data_dir: \"{heads.Faces}\",")
            : TalkingHeads.Configuration;
        return new TrainingRun
        {
            ConfigurationPath = heads.Write($"{name}.yaml", configuration),
            OutputFolder = Path.Combine(heads.Folder, "run", name),
            DataPath = heads.Faces,
            Device = "cpu",
        };
    }

    private static int Length(TensorArchive archive, string list) =>
        archive.Metadata.Keys.Count(key => key.StartsWith(list + ".", StringComparison.Ordinal));
}
