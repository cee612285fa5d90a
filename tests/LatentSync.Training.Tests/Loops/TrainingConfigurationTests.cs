using LatentSync.Models.Loading;
using LatentSync.Testing;
using LatentSync.Training.Datasets;
using LatentSync.Training.Loops;
using LatentSync.Training.Loops.AudioEncoders;
using LatentSync.Training.Loops.Autoencoders;
using LatentSync.Training.Loops.UNets;

namespace LatentSync.Training.Tests.Loops;

public sealed class TrainingConfigurationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("optimizer:\n  lrr: 1e-5", "lrr", "\"lr\"")]
    [InlineData("run:\n  max_train_step: 5", "max_train_step", "\"max_train_steps\"")]
    [InlineData("optimiser:\n  lr: 1e-5", "optimiser", "\"optimizer\"")]
    [InlineData("data:\n  batchsize: 5", "batchsize", "\"batch_size\"")]
    public void Read_UnknownKey_NamesTheNearest(string yaml, string key, string nearest)
    {
        ModelConfigurationException failure = Assert.Throws<ModelConfigurationException>(() =>
            SpeechEncoderSettings.Read(Run(Speech + yaml))
        );
        Assert.Contains($"\"{key}\"", failure.Message, StringComparison.Ordinal);
        Assert.Contains(nearest, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("optimizer:\n  lr: fast", "lr")]
    [InlineData("optimizer:\n  lr_scheduler: polynomial", "polynomial")]
    [InlineData("run:\n  max_train_steps: 0", "max_train_steps")]
    public void Read_UnusableValue_IsNamed(string yaml, string expected) =>
        Assert.Contains(
            expected,
            Assert.Throws<ModelConfigurationException>(() => SpeechEncoderSettings.Read(Run(Speech + yaml))).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Read_NegativeRate_IsRefusedByTheLoop()
    {
        (_, TrainingLoopOptions options) = SpeechEncoderSettings.Read(Run(Speech + "optimizer:\n  lr: -1"));
        Assert.Contains(
            "optimizer.lr",
            Assert.Throws<TrainingException>(() => new TrainingLoop(options)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Read_CommandLine_OverridesTheFile()
    {
        (_, TrainingLoopOptions options) = SpeechEncoderSettings.Read(
            Run(Speech + "run:\n  max_train_steps: 9\n  seed: 4") with
            {
                MaxSteps = 5,
                Seed = 6,
            }
        );
        Assert.Equal((5, 6), (options.MaxSteps, options.Seed));
    }

    [Fact]
    public void Read_EmptyFolder_SaysWhereItLooked()
    {
        Directory.CreateDirectory(_folder.PathOf("none"));
        TrainingRun run = new()
        {
            ConfigurationPath = RepositoryRoot.PathOf("configs", "demo", "vae.yaml"),
            OutputFolder = _folder.PathOf("out"),
            DataPath = _folder.PathOf("none"),
        };
        Assert.Contains(
            "none",
            Assert.Throws<TrainingDataException>(() => AutoencoderSettings.Read(run)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Read_UNetWithoutAutoencoder_SaysWhatIsMissing()
    {
        File.WriteAllText(_folder.PathOf("a.mp4"), "not decoded here");
        TrainingRun run = new()
        {
            ConfigurationPath = RepositoryRoot.PathOf("configs", "demo", "unet-stage1.yaml"),
            OutputFolder = _folder.PathOf("out"),
            DataPath = _folder.Path,
        };
        Assert.Contains(
            "AutoencoderFolder",
            Assert.Throws<TrainingException>(() => UNetSettings.Read(run)).Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("stage1")]
    [InlineData("stage2")]
    public void Read_DemosConfigurations_AreUsable(string stage)
    {
        File.WriteAllText(_folder.PathOf("a.mp4"), "not decoded here");
        TrainingRun run = new()
        {
            ConfigurationPath = RepositoryRoot.PathOf("configs", "demo", $"unet-{stage}.yaml"),
            OutputFolder = _folder.PathOf("out"),
            DataPath = _folder.Path,
            AutoencoderFolder = "vae",
            WhisperPath = "tiny.pt",
        };
        (UNetSettings settings, TrainingLoopOptions options) = UNetSettings.Read(run);
        settings.Network.Validate();
        Assert.Equal(stage == "stage2", settings.Network.UseMotionModule);
        Assert.Equal(16, settings.Frames);
        Assert.True(options.Schedule.BaseRate > 0);
        Assert.True(
            AutoencoderSettings
                .Read(run with { ConfigurationPath = RepositoryRoot.PathOf("configs", "demo", "vae.yaml") })
                .Settings.Network.DownsamplingFactor == 8
        );
        Assert.Equal(
            ["decoder.", "post_quant_conv."],
            AutoencoderSettings
                .Read(run with { ConfigurationPath = RepositoryRoot.PathOf("configs", "demo", "vae-decoder.yaml") })
                .Settings.TrainableModules
        );
    }

    public void Dispose() => _folder.Dispose();

    private const string Speech = "model:\n  n_mels: 80\n  n_audio_ctx: 500\n  n_audio_state: 8\n  n_audio_head: 2\n  n_audio_layer: 1\n";

    private TrainingRun Run(string yaml)
    {
        string path = _folder.PathOf("config.yaml");
        File.WriteAllText(path, yaml);
        return new TrainingRun { ConfigurationPath = path, OutputFolder = _folder.PathOf("out") };
    }
}
