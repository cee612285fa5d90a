using System.CommandLine;
using LatentSync.Chunks;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Evaluation.Demo;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync sync`.</summary>
internal static class SyncCommand
{
    private static readonly Option<string> Video = new("--video", "-v")
    {
        Description = "video (or still picture) of the speaker",
        Required = true,
        HelpName = "FILE",
    };
    private static readonly Option<string> Audio = new("--audio", "-a")
    {
        Description = "new speech: any audio or video file ffmpeg reads",
        Required = true,
        HelpName = "FILE",
    };
    private static readonly Option<string> Out = new("--out", "-o")
    {
        Description = "file to write; an existing one is replaced only when the new one is complete",
        Required = true,
        HelpName = "FILE",
    };
    private static readonly Option<string> Checkpoint = new("--checkpoint", "-c")
    {
        Description =
            "folder with latentsync_unet.pt, whisper/tiny.pt and vae/ (config.json + weights); \"demo\": the embedded one, for drawn faces only",
        HelpName = "DIR",
        DefaultValueFactory = _ => "checkpoints",
    };
    private static readonly Option<string?> Config = new("--config")
    {
        Description =
            "UNet configuration in the original's format (YAML); default: config.yaml in the checkpoint folder, else that of LatentSync 1.5",
        HelpName = "FILE",
    };
    private static readonly Option<int?> Resolution = new("--resolution")
    {
        Description = "side of the face picture in pixels: 256 (LatentSync 1.5) or 512 (1.6); default: the configuration's, else 256",
        HelpName = "N",
    };
    private static readonly Option<int> Steps = new("--steps")
    {
        Description = "denoising steps, 1 to 999; usually 20 to 50",
        DefaultValueFactory = _ => 20,
        HelpName = "N",
    };
    private static readonly Option<double> Guidance = new("--guidance")
    {
        Description = "classifier-free guidance, usually 1.0 to 3.0; 1 turns it off and halves the time",
        DefaultValueFactory = _ => 1.5,
        CustomParser = DecimalNumber.Parse,
        HelpName = "X",
    };
    private static readonly Option<int?> ChunkFrames = new("--chunk")
    {
        Description = "frames the network sees at once; default: data.num_frames of the configuration, else 16",
        HelpName = "N",
    };
    private static readonly Option<long> Seed = new("--seed")
    {
        Description = "seed of all random numbers; -1 picks one and reports it",
        DefaultValueFactory = _ => 1247L,
        HelpName = "N",
    };
    private static readonly Option<string> Scheduler = new ChoiceOption("--scheduler", "ddim", "dpm++")
    {
        Description = "ddim (the original's) or dpm++ (10 steps look like 20)",
        DefaultValueFactory = _ => "ddim",
        HelpName = "NAME",
    };
    private static readonly Option<string> DeepCache = new ChoiceOption("--deepcache", "on", "off")
    {
        Description = "on: reuse deep features in two of three steps; about twice as fast",
        DefaultValueFactory = _ => "off",
        HelpName = "on/off",
    };
    private static readonly Option<string> Attention = new PolicyOption
    {
        Description =
            "auto; NAME or \"require NAME\" (only that backend); \"prefer NAME\"; \"forbid NAME\"; latentsync doctor lists the backends",
    };
    private static readonly Option<string> Device = new ChoiceOption("--device", "auto", "cpu", "cuda", "mps")
    {
        HasCudaIndex = true,
        Description = "auto, cpu, cuda, cuda:N or mps",
        DefaultValueFactory = _ => "auto",
        HelpName = "NAME",
    };
    private static readonly Option<string> DType = new ChoiceOption("--dtype", "auto", "f32", "f16", "bf16")
    {
        Description = "auto, f32, f16 or bf16; on CPUs without instructions for them, f16 and bf16 are slower than f32",
        DefaultValueFactory = _ => "auto",
        HelpName = "NAME",
    };
    private static readonly Option<string?> Libtorch = new("--libtorch")
    {
        Description = "use the libtorch in this folder, such as torch/lib of a Python install with CUDA",
        HelpName = "DIR",
    };
    private static readonly Option<string> Detector = new ChoiceOption("--detector", "auto", "insightface", "yunet", "haar", "landmarks")
    {
        Description = "face detector: auto, insightface, yunet, haar or landmarks",
        DefaultValueFactory = _ => "auto",
        HelpName = "NAME",
    };
    private static readonly Option<string?> Landmarks = new("--landmarks")
    {
        Description = "landmarks file (JSON) to use in place of a detector; see docs/landmarks-file.md",
        HelpName = "FILE",
    };
    private static readonly Option<string?> FaceModels = new("--face-models")
    {
        Description = "folder with det_10g.onnx and 2d106det.onnx, or a YuNet model; default: auxiliary/ in the checkpoint folder",
        HelpName = "DIR",
    };
    private static readonly Option<string?> Cascades = new("--cascades")
    {
        Description = "folder with OpenCV's Haar cascades",
        HelpName = "DIR",
    };
    private static readonly Option<int?> Face = new("--face")
    {
        Description = "which of several faces, counted from the left, 0 first; default: the largest, which is then followed",
        HelpName = "N",
    };
    private static readonly Option<string?> Mask = new("--mask")
    {
        Description = "mask picture: white is kept, black is generated",
        HelpName = "FILE",
    };
    private static readonly Option<string> Extend = new ChoiceOption("--extend", "pingpong", "loop", "hold", "stop")
    {
        Description =
            "if the speech is longer than the video: pingpong (play forwards, then backwards), loop, hold (the last frame) or stop",
        DefaultValueFactory = _ => "pingpong",
        HelpName = "MODE",
    };
    private static readonly Option<string> Silence = new ChoiceOption("--silence", "generate", "original")
    {
        Description = "in pauses of the speech: generate the mouth, or fade to the original one",
        DefaultValueFactory = _ => "generate",
        HelpName = "generate/original",
    };
    private static readonly Option<double?> Preview = new("--preview")
    {
        Description = "process only the first SECONDS seconds",
        CustomParser = DecimalNumber.ParseOptional,
        HelpName = "SECONDS",
    };
    private static readonly Option<string> Matte = new("--matte")
    {
        Description = "background of transparent videos: black, white, gray, green, ... or #rrggbb",
        DefaultValueFactory = _ => "black",
        HelpName = "COLOUR",
    };
    private static readonly Option<int> Crf = new("--crf")
    {
        Description = "quality of the H.264 encoder, 0 (lossless) to 51",
        DefaultValueFactory = _ => 16,
        HelpName = "N",
    };
    private static readonly Option<bool> IsolatedAudio = new("--isolated-audio")
    {
        Description = "run Whisper on separate 30 s segments, as the original does (the lips jump every 30 s)",
    };
    private static readonly Option<bool> Resume = new("--resume")
    {
        Description = "keep finished chunks beside the output until it is complete, and reuse those of an interrupted run",
    };
    private static readonly Option<bool> Identity = new("--identity")
    {
        Description = "paste the untouched face back, without the network: checks detection and compositing",
    };
    private static readonly Option<bool> Json = new("--json") { Description = "print the report as JSON" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "sync",
            "Lip-syncs a video to new speech.",
            """
            Example:
              latentsync sync --video talk.mp4 --audio dubbed.wav --out talk.dubbed.mp4 --checkpoint checkpoints --steps 20 --guidance 1.5

            The result keeps the video's size, frame rate and metadata and the speech's quality. Frames without a face stay as they are.
            Ctrl+C leaves no unfinished file; with --resume, rerunning the command reuses finished chunks.

            Weights: ByteDance/LatentSync-1.5 (or -1.6, with --resolution 512) on Hugging Face for latentsync_unet.pt and whisper/,
            stabilityai/sd-vae-ft-mse for vae/. --checkpoint demo uses the embedded checkpoint, for drawn faces only.
            """
        )
        {
            Video,
            Audio,
            Out,
            Checkpoint,
            Config,
            Resolution,
            Steps,
            Guidance,
            ChunkFrames,
            Seed,
            Scheduler,
            DeepCache,
            Attention,
            Device,
            DType,
            Libtorch,
            Detector,
            Landmarks,
            FaceModels,
            Cascades,
            Face,
            Mask,
            Extend,
            Silence,
            Preview,
            Matte,
            Crf,
            IsolatedAudio,
            Resume,
            Identity,
            Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        SyncOptions options = Read(parsed);
        string? scope = parsed.GetRequiredValue(Checkpoint) == DemoCheckpoint.Name && !options.Identity ? DemoCheckpoint.Scope : null;
        if (scope is not null)
        {
            Say.Warning(scope); // before the wait
        }
        using ProgressDisplay progress = new();
        SyncReport report = await progress.RunAsync(sink => LipSync.RunAsync(options, ProgressLine.Of(sink), cancellationToken));
        bool json = parsed.GetValue(Json);
        SyncReportDisplay.Write(json && scope is not null ? report with { Warnings = [scope, .. report.Warnings] } : report, json);
        return ExitCode.Done;
    }

    private static SyncOptions Read(ParseResult parsed) =>
        new()
        {
            VideoPath = parsed.GetRequiredValue(Video),
            AudioPath = parsed.GetRequiredValue(Audio),
            OutputPath = parsed.GetRequiredValue(Out),
            CheckpointFolder = DemoCheckpoint.Resolve(parsed.GetRequiredValue(Checkpoint)),
            UNetConfigurationPath = parsed.GetValue(Config),
            Resolution = parsed.GetValue(Resolution),
            InferenceSteps = parsed.GetValue(Steps),
            GuidanceScale = parsed.GetValue(Guidance),
            FramesPerChunk = parsed.GetValue(ChunkFrames),
            Seed = parsed.GetValue(Seed),
            Scheduler = parsed.GetRequiredValue(Scheduler),
            DeepCache = parsed.GetRequiredValue(DeepCache) == "on",
            Attention = parsed.GetRequiredValue(Attention),
            Device = parsed.GetRequiredValue(Device),
            DType = parsed.GetRequiredValue(DType),
            LibTorchFolder = parsed.GetValue(Libtorch),
            Detector = parsed.GetRequiredValue(Detector),
            LandmarksPath = parsed.GetValue(Landmarks),
            FaceModelsFolder = parsed.GetValue(FaceModels),
            CascadesFolder = parsed.GetValue(Cascades),
            FaceIndex = parsed.GetValue(Face),
            MaskPath = parsed.GetValue(Mask),
            Extend = parsed.GetRequiredValue(Extend),
            Silence = parsed.GetRequiredValue(Silence),
            PreviewSeconds = parsed.GetValue(Preview),
            MatteColour = parsed.GetRequiredValue(Matte),
            Crf = parsed.GetValue(Crf),
            IsolatedAudioWindows = parsed.GetValue(IsolatedAudio),
            Resume = parsed.GetValue(Resume),
            Identity = parsed.GetValue(Identity),
        };

    /// <summary>The command line asks for finished chunks to be kept.</summary>
    public static bool Resumes(ParseResult parsed) => parsed.GetValue(Resume);

    /// <summary>Finished chunks that lie beside the output.</summary>
    public static int FinishedChunks(ParseResult parsed)
    {
        string folder = new ChunkStore(parsed.GetRequiredValue(Out)).Folder;
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.chunk").Count() : 0;
    }
}
