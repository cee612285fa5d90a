using System.CommandLine;
using LatentSync.Cli.Display;
using LatentSync.Evaluation.Demo;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync sync`.</summary>
internal static class SyncCommand
{
    private static readonly Option<string> Video = new("--video", "-v") { Description = "video (or a still picture) whose speaker is re-animated", Required = true, HelpName = "FILE" };
    private static readonly Option<string> Audio = new("--audio", "-a") { Description = "new speech: any audio or video file ffmpeg reads", Required = true, HelpName = "FILE" };
    private static readonly Option<string> Out = new("--out", "-o") { Description = "file to write; replaced only when the new one is complete", Required = true, HelpName = "FILE" };
    private static readonly Option<string> Checkpoint = new("--checkpoint", "-c")
    {
        Description = "folder with latentsync_unet.pt, whisper/tiny.pt and vae/ (config.json + weights); \"demo\": the embedded one, which only knows drawn faces",
        HelpName = "DIR",
        DefaultValueFactory = _ => "checkpoints",
    };
    private static readonly Option<string?> Config = new("--config") { Description = "the original's UNet configuration (YAML); default: config.yaml in the checkpoint folder, else LatentSync 1.5's", HelpName = "FILE" };
    private static readonly Option<int?> Resolution = new("--resolution") { Description = "side of the face picture: 256 (LatentSync 1.5) or 512 (1.6); default: from the configuration, else 256", HelpName = "N" };
    private static readonly Option<int> Steps = new("--steps") { Description = "denoising steps, 1..999; 20 to 50 is usual", DefaultValueFactory = _ => 20, HelpName = "N" };
    private static readonly Option<double> Guidance = new("--guidance") { Description = "classifier-free guidance; 1 switches it off and halves the time; 1.0 to 3.0 is usual", DefaultValueFactory = _ => 1.5, CustomParser = DecimalNumber.Parse, HelpName = "X" };
    private static readonly Option<int?> ChunkFrames = new("--chunk") { Description = "frames the network sees at once; default: the configuration's data.num_frames, else 16", HelpName = "N" };
    private static readonly Option<long> Seed = new("--seed") { Description = "seed of every random draw; -1 draws one and reports it", DefaultValueFactory = _ => 1247L, HelpName = "N" };
    private static readonly Option<string> Scheduler = new("--scheduler") { Description = "ddim (the original's) or dpm++ (10 steps look like 20)", DefaultValueFactory = _ => "ddim", HelpName = "NAME" };
    private static readonly Option<string> DeepCache = new("--deepcache") { Description = "on: reuse deep features on two of three steps, about twice as fast", DefaultValueFactory = _ => "off", HelpName = "on/off" };
    private static readonly Option<string> Attention = new("--attention") { Description = "auto, NAME or \"require NAME\" (only that backend), \"prefer NAME\" or \"forbid NAME\"; see latentsync doctor", DefaultValueFactory = _ => "auto", HelpName = "POLICY" };
    private static readonly Option<string> Device = new("--device") { Description = "auto, cpu, cuda, cuda:N or mps", DefaultValueFactory = _ => "auto", HelpName = "NAME" };
    private static readonly Option<string> DType = new("--dtype") { Description = "auto, f32, f16 or bf16; on a CPU f16 and bf16 are slower than f32 unless it has instructions for them", DefaultValueFactory = _ => "auto", HelpName = "NAME" };
    private static readonly Option<string?> Libtorch = new("--libtorch") { Description = "use the libtorch in this folder, for instance the torch/lib of a Python install with CUDA", HelpName = "DIR" };
    private static readonly Option<string> Detector = new("--detector") { Description = "auto, insightface, yunet, haar or landmarks", DefaultValueFactory = _ => "auto", HelpName = "NAME" };
    private static readonly Option<string?> Landmarks = new("--landmarks") { Description = "landmarks file (JSON) instead of a detector; see docs/landmarks-file.md", HelpName = "FILE" };
    private static readonly Option<string?> FaceModels = new("--face-models") { Description = "folder with det_10g.onnx and 2d106det.onnx, or a YuNet model; default: auxiliary/ in the checkpoint folder", HelpName = "DIR" };
    private static readonly Option<string?> Cascades = new("--cascades") { Description = "folder with OpenCV's Haar cascades", HelpName = "DIR" };
    private static readonly Option<int?> Face = new("--face") { Description = "which face of several, counted from the left from 0; default: the largest, then the same one", HelpName = "N" };
    private static readonly Option<string?> Mask = new("--mask") { Description = "mask picture: white keeps, black is generated", HelpName = "FILE" };
    private static readonly Option<string> Extend = new("--extend") { Description = "speech longer than the video: pingpong, loop, hold or stop", DefaultValueFactory = _ => "pingpong", HelpName = "MODE" };
    private static readonly Option<string> Silence = new("--silence") { Description = "in pauses of the speech: generate, or fade to the original picture", DefaultValueFactory = _ => "generate", HelpName = "generate/original" };
    private static readonly Option<double?> Preview = new("--preview") { Description = "only the first so many seconds", CustomParser = DecimalNumber.ParseOptional, HelpName = "SECONDS" };
    private static readonly Option<string> Matte = new("--matte") { Description = "what shows where the video is transparent: black, white, gray, green, ... or #rrggbb", DefaultValueFactory = _ => "black", HelpName = "COLOUR" };
    private static readonly Option<int> Crf = new("--crf") { Description = "quality of the H.264 encoder, 0 (lossless) to 51", DefaultValueFactory = _ => 16, HelpName = "N" };
    private static readonly Option<bool> IsolatedAudio = new("--isolated-audio") { Description = "Whisper on isolated 30 s segments as the original (its lips jump every 30 s)" };
    private static readonly Option<bool> Resume = new("--resume") { Description = "keep finished chunks beside the output until it is complete, and use those that are there" };
    private static readonly Option<bool> Identity = new("--identity") { Description = "paste the untouched face back: checks detection and compositing without the network" };
    private static readonly Option<bool> Json = new("--json") { Description = "write the report as JSON to standard output" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "sync",
            "Lip-syncs a video to new speech.",
            """
            Example:
              latentsync sync --video talk.mp4 --audio dubbed.wav --out talk.dubbed.mp4 --checkpoint checkpoints --steps 20 --guidance 1.5

            Size, frame rate and metadata of the video and the quality of the speech are kept. Frames without a face pass through
            unchanged. Ctrl+C leaves nothing behind; with --resume the same command goes on where it stopped.

            Weights: ByteDance/LatentSync-1.5 (or -1.6, with --resolution 512) on Hugging Face for latentsync_unet.pt and whisper/,
            stabilityai/sd-vae-ft-mse for vae/. --checkpoint demo takes the embedded checkpoint; it only knows drawn faces.
            """
        )
        {
            Video, Audio, Out, Checkpoint, Config, Resolution, Steps, Guidance, ChunkFrames, Seed, Scheduler, DeepCache, Attention, Device, DType, Libtorch, Detector,
            Landmarks, FaceModels, Cascades, Face, Mask, Extend, Silence, Preview, Matte, Crf, IsolatedAudio, Resume, Identity, Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        SyncOptions options = Read(parsed);
        if (parsed.GetRequiredValue(Checkpoint) == DemoCheckpoint.Name && !options.Identity)
        {
            Console.Error.WriteLine($"latentsync: {DemoCheckpoint.Scope}");
        }
        using ProgressDisplay progress = new();
        SyncReport report = await progress.RunAsync(sink => LipSync.RunAsync(options, ProgressLine.Of(sink), cancellationToken));
        SyncReportDisplay.Write(report, parsed.GetValue(Json));
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
            DeepCache = OnOff(parsed, DeepCache),
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

    private static bool OnOff(ParseResult parsed, Option<string> option) =>
        parsed.GetRequiredValue(option) switch
        {
            "on" => true,
            "off" => false,
            string other => throw new SyncOptionsException($"{option.Name} must be on or off, not \"{other}\"."),
        };
}
