using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using LatentSync.Models.UNets;
using LatentSync.Training.Datasets;
using LatentSync.Training.Loops;
using LatentSync.Training.Loops.UNets;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Loops;

[Trait("Category", "Integration")]
public sealed class UNetTrainingTests(SmallNetworks networks) : IClassFixture<SmallNetworks>
{
    [Fact]
    public void Run_Stage1_WritesACheckpointThatInferenceLoads()
    {
        TrainingReport report = UNetTraining.Run(networks.Run("stage1", SmallNetworks.Stage1));

        Assert.EndsWith("checkpoint-4.pt", report.Checkpoint);
        using UNet3DConditionModel network = networks.Open(report.Checkpoint, SmallNetworks.Stage1);
        using TensorArchive archive = TensorArchive.Open(report.Checkpoint);
        Assert.Equal("4", archive.Metadata["global_step"]);
        Assert.Equal(SmallNetworks.Stage1, File.ReadAllText(networks.PathOf("runs", "stage1", "stage1.yaml")));
        LossHistory history = LossHistory.FromCsv(File.ReadAllText(report.LossCurve));
        Assert.Equal(4, history.Curve("noise").Count);
        // The output layer starts near nothing, so that the error of the first step is about the noise's variance of 1.
        Assert.InRange(history.Curve("noise")[0].Value, 0.3, 3);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Run_StoppedAndResumed_EndsWithTheWeightsOfOneRun()
    {
        TrainingReport whole = UNetTraining.Run(networks.Run("whole", SmallNetworks.Stage1));
        UNetTraining.Run(networks.Run("parts", SmallNetworks.Stage1) with { MaxSteps = 2 });
        TrainingReport parts = UNetTraining.Run(networks.Run("parts", SmallNetworks.Stage1) with { Resume = true });

        Assert.Equal((2, 4), (parts.ResumedFrom, parts.Steps));
        Assert.Equal(File.ReadAllText(whole.LossCurve), File.ReadAllText(parts.LossCurve));
        WeightAssert.Same(State(whole.Checkpoint, SmallNetworks.Stage1), State(parts.Checkpoint, SmallNetworks.Stage1));
    }

    [Theory]
    [InlineData("sync", 0.05, 5)]
    [InlineData("trepa", 10, 6, Traits = ["Category", "Slow"])]
    public void Run_Stage2WithJudges_HasTheirLossesAndTrainsTheMotionModules(string judge, double weight, int frames)
    {
        TrainingReport first = UNetTraining.Run(networks.Run("before" + judge, SmallNetworks.Stage1) with { MaxSteps = 1 });
        string others = judge == "sync" ? "trepa_loss_weight: 10" : "use_syncnet: true";
        string configuration = networks
            .Supervised.Replace(others, others.Split(':')[0] + (judge == "sync" ? ": 0" : ": false"))
            .Replace("num_frames: 5", $"num_frames: {frames}")
            .Replace("seed: 42", "seed: 42, trainable_modules: [\"motion_modules.\", \"attentions.\"]");
        TrainingReport second = UNetTraining.Run(
            networks.Run("supervised" + judge, configuration) with
            {
                StartPath = first.Checkpoint,
                MaxSteps = 2,
            }
        );

        LossHistory history = LossHistory.FromCsv(File.ReadAllText(second.LossCurve));
        double Loss(string name) => history.Curve(name)[0].Value;
        Assert.Equal(
            ["loss", "noise", judge, "perceptual"],
            history.Names.OrderBy(name =>
                name switch
                {
                    "loss" => 0,
                    "noise" => 1,
                    "perceptual" => 3,
                    _ => 2,
                }
            )
        );
        Assert.All([judge, "perceptual"], (Action<string>)(name => Assert.InRange(Loss(name), 1e-9, 100)));
        // The total is the weighted sum of its parts.
        Assert.Equal(
            Loss("noise") + weight * Loss(judge) + 0.1 * Loss("perceptual"),
            Loss(TrainingLoop.TotalLoss),
            1e-4 * Loss(TrainingLoop.TotalLoss)
        );
        Dictionary<string, Tensor> start = State(first.Checkpoint, SmallNetworks.Stage1),
            end = State(second.Checkpoint, networks.Supervised);
        WeightAssert.Same(start, end, key => !Trained(key));
        Assert.Contains(start.Keys, key => Trained(key) && !start[key].equal(end[key]).all().item<bool>());
        // They begin as the identity: what they write starts at zero.
        Assert.Contains(
            end,
            e =>
                e.Key.Contains("motion_modules.", StringComparison.Ordinal)
                && e.Key.EndsWith("proj_out.weight", StringComparison.Ordinal)
                && e.Value.abs().max().item<float>() > 0
        );

        static bool Trained(string key) =>
            key.Contains("motion_modules.", StringComparison.Ordinal) || key.Contains("attentions.", StringComparison.Ordinal);
    }

    /// <summary>A judge with a weight of almost nothing must not change the training; one that counts must: its gradient arrives.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void Run_JudgeOfSynchronisation_MovesTheWeightsOtherwise()
    {
        string Weighted(string weight) =>
            networks
                .Supervised.Replace("sync_loss_weight: 0.05", $"sync_loss_weight: {weight}")
                .Replace("perceptual_loss_weight: 0.1", "perceptual_loss_weight: 0")
                .Replace("trepa_loss_weight: 10", "trepa_loss_weight: 0");
        double Change(string name, string weight)
        {
            TrainingReport report = UNetTraining.Run(
                networks.Run(name, Weighted(weight).Replace("lr: 1e-3", "lr: 1e-3, weight_decay: 0")) with
                {
                    MaxSteps = 2,
                }
            );
            Dictionary<string, Tensor> state = State(report.Checkpoint, networks.Supervised);
            return state["conv_out.weight"].to(ScalarType.Float64).sum().item<double>();
        }

        double without = Change("sync-without", "1e-12"),
            with = Change("sync-with", "50");
        Assert.Equal(without, Change("sync-again", "1e-12"), 1e-12);
        Assert.True(Math.Abs(with - without) > 1e-4, $"{with} against {without}");
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Run_GradientCheckpointing_HasTheSameLosses()
    {
        string Losses(string name, string flag) =>
            File.ReadAllText(
                UNetTraining
                    .Run(
                        networks.Run(
                            name,
                            SmallNetworks.Stage1.Replace("use_mixed_noise", $"enable_gradient_checkpointing: {flag}, use_mixed_noise")
                        )
                    )
                    .LossCurve
            );
        double[] expected = Values(Losses("kept", "false")),
            actual = Values(Losses("recomputed", "true"));
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5));

        static double[] Values(string csv) => [.. LossHistory.FromCsv(csv).Curve(TrainingLoop.TotalLoss).Select(p => p.Value)];
    }

    [Fact]
    public void Run_WindowLongerThanTheClips_NamesThem()
    {
        TrainingRun run = networks.Run("long", SmallNetworks.Stage1.Replace("num_frames: 5", "num_frames: 30"));
        Assert.Contains(
            "clip-000011.mp4",
            Assert.Throws<TrainingDataException>(() => UNetTraining.Run(run)).Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("in_channels: 13", "in_channels: 25", "13 and 4 are required")]
    [InlineData("cross_attention_dim: 64", "cross_attention_dim: 384", "gives tokens of width 64")]
    [InlineData("num_frames: 5", "num_frames: 16", "takes windows of 5 frames", true)]
    [InlineData("use_syncnet: true", "use_syncnet: false", "sees 2 frames at a time", true)]
    [InlineData("resolution: 64", "resolution: 60", "a multiple of the autoencoder's factor 8")]
    public void Run_NetworksThatDoNotFit_AreRefusedWithTheReason(string part, string replacement, string reason, bool supervised = false)
    {
        TrainingRun run = networks.Run("misfit", (supervised ? networks.Supervised : SmallNetworks.Stage1).Replace(part, replacement));
        Assert.Contains(reason, Assert.Throws<TrainingException>(() => UNetTraining.Run(run)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_WeightsOfAnotherShape_AreRefused()
    {
        TrainingReport wide = UNetTraining.Run(
            networks.Run("wide", SmallNetworks.Stage1.Replace("[32, 32]", "[32, 64]")) with
            {
                MaxSteps = 1,
            }
        );
        Assert.Throws<CheckpointMismatchException>(() =>
            UNetTraining.Run(networks.Run("narrow", SmallNetworks.Stage1) with { StartPath = wide.Checkpoint })
        );
    }

    [Fact]
    public void Run_MouthWeightOfZero_IsRefused()
    {
        TrainingRun run = networks.Run(
            "weightless",
            SmallNetworks.Stage1.Replace("recon_loss_weight: 1", "recon_loss_weight: 1, mouth_weight: 0")
        );
        Assert.Contains(
            "mouth_weight",
            Assert.Throws<ModelConfigurationException>(() => UNetTraining.Run(run)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void MouthWeights_AreGreatestAtTheMouthAndOneInTheMean()
    {
        using Tensor weights = MouthWeights.Of(16, 10, CPU);
        Assert.Equal(1, weights.mean().item<float>(), 1e-5);
        long at = weights.argmax().item<long>();
        Assert.Equal((10, true), (at / 16, at % 16 is 7 or 8));
        Assert.Equal(10.0, weights.max().item<float>() / weights.min().item<float>(), 1.0);
        using Tensor equal = MouthWeights.Of(8, 1, CPU);
        Assert.Equal((1f, 1f), (equal.min().item<float>(), equal.max().item<float>()));
    }

    private Dictionary<string, Tensor> State(string path, string configuration) => networks.Open(path, configuration).state_dict();
}
