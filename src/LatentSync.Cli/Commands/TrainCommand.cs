using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Foundation.Wording;
using LatentSync.Training.Datasets;
using LatentSync.Training.Loops;
using LatentSync.Training.Loops.AudioEncoders;
using LatentSync.Training.Loops.Autoencoders;
using LatentSync.Training.Loops.SyncNets;
using LatentSync.Training.Loops.UNets;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync train`.</summary>
internal static class TrainCommand
{
    private static readonly Option<string> Configuration = new("--config")
    {
        Description = "configuration (YAML), with the original's keys",
        Required = true,
        HelpName = "FILE",
    };
    private static readonly Option<string> Out = new("--out", "-o")
    {
        Description = "folder of the run: state, checkpoints/, losses.png, losses.csv",
        Required = true,
        HelpName = "DIR",
    };
    private static readonly Option<string?> Data = new("--data")
    {
        Description = "folder of aligned face videos (*.mp4, 25 fps) or a list of them, one path per line; replaces the configuration's",
        HelpName = "DIR|LIST",
    };
    private static readonly Option<bool> Resume = new("--resume") { Description = "continue the run in this folder, however it stopped" };
    private static readonly Option<long?> Steps = new("--steps")
    {
        Description = "steps in total; replaces run.max_train_steps",
        HelpName = "N",
    };
    private static readonly Option<long?> Seed = new("--seed") { Description = "replaces run.seed", HelpName = "N" };
    private static readonly Option<string> Device = new DeviceOption("auto", "cpu", "cuda", "cuda:N") { Also = ["mps"] };
    private static readonly Option<int?> Threads = new("--threads")
    {
        Description = "threads of libtorch; the same number gives exactly the same losses",
        HelpName = "N",
    };
    private static readonly Option<string?> Vae = new("--vae")
    {
        Description = "folder of the trained autoencoder; replaces ckpt.vae_path",
        HelpName = "DIR",
    };
    private static readonly Option<string?> Whisper = new("--whisper")
    {
        Description = "file of the speech encoder; replaces ckpt.whisper_path",
        HelpName = "FILE",
    };
    private static readonly Option<string?> Start = new("--start")
    {
        Description =
            "weights to start from (in stage 2 those of stage 1; to refine the decoder, the autoencoder's folder); replaces ckpt.resume_ckpt_path",
        HelpName = "FILE",
    };
    private static readonly Option<bool> Json = new("--json") { Description = "print the result as JSON" };

    public static Command Create()
    {
        TeachingCommand group = new(
            "train",
            "Trains LatentSync's networks as the original does, at any size.",
            """
            With --resume, training continues after Ctrl+C, a crash or a power cut, with exactly the same losses.

            Train the parts one after the other (scripts/train-demo does this for the demo's checkpoint):
              latentsync synth --count 500 --out data --faces-only       talking heads to learn from (or your own aligned videos)
              latentsync train vae --config vae.yaml --data data/faces --out run/vae
              latentsync train speech --config speech.yaml --out run/speech
              latentsync train syncnet --config syncnet.yaml --data data/faces --out run/syncnet
              latentsync train unet --config unet.yaml --data data/faces --out run/unet
            """
        );
        group.Add(
            Trainer(
                "speech",
                "Trains a small speech encoder of Whisper's architecture on synthesised speech.",
                "latentsync train speech --config configs/demo/speech.yaml --out run/speech",
                SpeechEncoderTraining.Run
            )
        );
        group.Add(
            Trainer(
                "vae",
                "Trains the image autoencoder on aligned faces.",
                "latentsync train vae --config configs/demo/vae.yaml --data data/faces --out run/vae",
                AutoencoderTraining.Run,
                Data,
                Start
            )
        );
        group.Add(
            Trainer(
                "unet",
                "Trains the denoising network: stage 1, or stage 2 with motion modules on top of it.",
                "latentsync train unet --config configs/demo/unet-stage1.yaml --data data/faces --vae VAE --whisper SPEECH.pt --out run/unet1",
                UNetTraining.Run,
                Data,
                Vae,
                Whisper,
                Start
            )
        );
        group.Add(
            Trainer(
                "syncnet",
                "Trains the network that judges whether lips and speech match.",
                "latentsync train syncnet --config syncnet.yaml --data data/faces --out run/syncnet",
                SyncNetTraining.Run,
                Data
            )
        );
        return group;
    }

    /// <summary>The run's folder holds something to go on from.</summary>
    public static bool HasState(ParseResult parsed) => File.Exists(Path.Combine(parsed.GetRequiredValue(Out), "state.safetensors"));

    private static TeachingCommand Trainer(
        string name,
        string description,
        string example,
        Func<TrainingRun, IProgress<TrainingProgress>?, CancellationToken, TrainingReport> train,
        params IReadOnlyList<Option<string?>> ownOptions
    )
    {
        TeachingCommand command = new(name, description, $"Example:\n  {example}")
        {
            Configuration,
            Out,
            Resume,
            Steps,
            Seed,
            Device,
            Threads,
            Json,
        };
        foreach (Option<string?> option in ownOptions)
        {
            command.Add(option);
        }
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, train, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        ParseResult parsed,
        Func<TrainingRun, IProgress<TrainingProgress>?, CancellationToken, TrainingReport> train,
        CancellationToken cancellationToken
    )
    {
        Command command = parsed.CommandResult.Command;
        string? Own(Option<string?> option) => command.Options.Contains(option) ? parsed.GetValue(option) : null;
        TrainingRun run = new()
        {
            ConfigurationPath = parsed.GetRequiredValue(Configuration),
            OutputFolder = parsed.GetRequiredValue(Out),
            Resume = parsed.GetValue(Resume),
            MaxSteps = parsed.GetValue(Steps),
            Seed = parsed.GetValue(Seed),
            DataPath = Own(Data),
            Device = parsed.GetRequiredValue(Device),
            AutoencoderFolder = Own(Vae),
            WhisperPath = Own(Whisper),
            StartPath = Own(Start),
            Threads = parsed.GetValue(Threads),
        };
        using ProgressDisplay display = new();
        TrainingReport report = await display.RunAsync(sink =>
            Task.Run(() => train(run, new StepDisplay(sink, command.Name), cancellationToken), cancellationToken)
        );
        if (parsed.GetValue(Json))
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(report, JsonOutput.Options));
            return ExitCode.Done;
        }
        WrappedText.Write(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{report.Steps} steps ({report.Parameters:N0} parameters) in {DurationText.Of(report.Seconds)}{(report.ResumedFrom > 0 ? $", resumed at step {report.ResumedFrom}" : string.Empty)}; loss {report.FinalLoss:G4} over the last steps"
            )
        );
        foreach (SkippedVideo skipped in report.SkippedVideos)
        {
            Say.Warning(Sentence.Say($"skipped {skipped.Path}: {skipped.Reason}"));
        }
        Console.Out.WriteLine(PrintableText.Escape(Sentence.Say($"checkpoint {report.Checkpoint}")));
        Console.Out.WriteLine(PrintableText.Escape(Sentence.Say($"curve      {report.LossPlot}")));
        return ExitCode.Done;
    }

    /// <summary>A bar with the smoothed loss as its unit.</summary>
    private sealed class StepDisplay(IProgress<ProgressLine> sink, string name) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) =>
            sink.Report(
                new ProgressLine(
                    Sentence.Say($"training {name}"),
                    value.Step,
                    value.TotalSteps,
                    Sentence.Say($"steps, loss {value.SmoothedLoss:G4}, {DurationText.Of(value.SecondsPerStep, Say.IsChinese)} each")
                )
                {
                    TimeLeft = value.Remaining,
                }
            );
    }
}
