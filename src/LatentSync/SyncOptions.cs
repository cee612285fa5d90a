using System.Text.Json;
using LatentSync.Compute;
using LatentSync.Foundation.Json;
using LatentSync.Foundation.Options;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Reading;
using LatentSync.Models.Schedulers;
using LatentSync.Run;

namespace LatentSync;

/// <summary>What `sync` is asked to do. Every path is the caller's; nothing but <see cref="OutputPath"/> (and, with <see cref="Resume"/>, a
/// work folder beside it) is written.</summary>
public sealed record SyncOptions
{
    /// <summary>More denoising steps than this are refused: the noise schedule has 1000 timesteps.</summary>
    public const int MaximumInferenceSteps = 999;

    /// <summary>More guidance than this is refused.</summary>
    public const double MaximumGuidanceScale = 100;

    /// <summary>What each option is: range, default, unit, words, and whether it changes generated pixels.</summary>
    public static OptionTable<SyncOptions> Table { get; } =
        new(
            () =>
                new SyncOptions
                {
                    VideoPath = string.Empty,
                    AudioPath = string.Empty,
                    OutputPath = string.Empty,
                    CheckpointFolder = string.Empty,
                },
            new Dictionary<string, IReadOnlyList<Choice>>
            {
                [nameof(Scheduler)] = NoiseSchedulers.All,
                [nameof(Device)] = Devices.All,
                [nameof(DType)] = DTypes.All,
                [nameof(Detector)] = FaceDetectorFactory.Choices,
                [nameof(Extend)] = ExtendPolicies.All,
                [nameof(Silence)] = SilenceModes.All,
            }
        );

    /// <summary>Reads options from a JSON object: names in camel case ("videoPath", "inferenceSteps"), what is not named has its
    /// default.</summary>
    /// <param name="utf8">The document, UTF-8.</param>
    /// <exception cref="SyncOptionsException">It is no JSON object, or an option in it is unknown, of another type or out of its
    /// range.</exception>
    public static SyncOptions FromJson(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using JsonDocument document = StrictJson.Parse(utf8, maxDepth: 4);
            return OptionJson.Read(Table, document.RootElement, out Sentence? objection, out string? name)
                ?? throw new SyncOptionsException(objection!, name);
        }
        catch (JsonException wrong)
        {
            throw new SyncOptionsException($"The options are not valid JSON: {StrictJson.Problem(wrong)} ({StrictJson.Place(wrong)}).");
        }
    }

    /// <summary>The options as a JSON object that <see cref="FromJson"/> reads.</summary>
    public byte[] ToJson()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true }))
        {
            OptionJson.Write(Table, this, writer);
        }
        return stream.ToArray();
    }

    /// <summary>Video (any container ffmpeg reads) or a still picture.</summary>
    [Option("video (or still picture) of the speaker", OptionEffect.Inputs, Text = OptionText.InputFile)]
    public required string VideoPath { get; init; }

    /// <summary>Speech: any audio or video file ffmpeg reads.</summary>
    [Option("new speech: any audio or video file ffmpeg reads", OptionEffect.Inputs, Text = OptionText.InputFile)]
    public required string AudioPath { get; init; }

    /// <summary>File to write; its extension chooses the container. Replaced only when the new file is complete.</summary>
    [Option(
        "file to write; an existing one is replaced only when the new one is complete",
        OptionEffect.None,
        Text = OptionText.OutputFile
    )]
    public required string OutputPath { get; init; }

    /// <summary>Folder with latentsync_unet.pt, whisper/tiny.pt and vae/. Required; with <see cref="Identity"/> it need not
    /// exist.</summary>
    [Option(
        "folder with latentsync_unet.pt, whisper/tiny.pt and vae/ (config.json + weights)",
        OptionEffect.Settled,
        Text = OptionText.InputFolder
    )]
    public required string CheckpointFolder { get; init; }

    /// <summary>Original configuration (YAML with a model: section); null: the one in the checkpoint folder, else LatentSync
    /// 1.5's.</summary>
    [Option(
        "UNet configuration in the original's format (YAML); default: config.yaml in the checkpoint folder, else that of LatentSync 1.5",
        OptionEffect.Settled,
        Text = OptionText.InputFile
    )]
    public string? UNetConfigurationPath { get; init; }

    /// <summary>Side of the square face picture, a multiple of 8; null: the configuration's data.resolution, else 256.</summary>
    [Option(
        "side of the face picture in pixels: 256 (LatentSync 1.5) or 512 (1.6); default: the configuration's, else 256",
        OptionEffect.Settled,
        Least = 64,
        Most = 2048,
        MultipleOf = 8,
        Unit = "pixels"
    )]
    public int? Resolution { get; init; }

    /// <summary>Denoising steps, 1..999. Default 20.</summary>
    [Option("denoising steps, 1 to 999; usually 20 to 50", OptionEffect.Pixels, Least = 1, Most = MaximumInferenceSteps)]
    public int InferenceSteps { get; init; } = 20;

    /// <summary>Classifier-free guidance; 1 or less switches it off. Default 1.5.</summary>
    [Option(
        "classifier-free guidance, usually 1.0 to 3.0; 1 turns it off and halves the time",
        OptionEffect.Pixels,
        Least = 0,
        Most = MaximumGuidanceScale
    )]
    public double GuidanceScale { get; init; } = 1.5;

    /// <summary>Seed of every random draw; -1 draws one and reports it. Default 1247.</summary>
    [Option("seed of all random numbers; -1 picks one and reports it", OptionEffect.Settled, Least = -1)]
    public long Seed { get; init; } = 1247;

    /// <summary>"ddim" (the original's) or "dpm++" (second order: 10 steps look like 20). Default "ddim".</summary>
    [Option("ddim (the original's) or dpm++ (10 steps look like 20)", OptionEffect.Pixels)]
    public string Scheduler { get; init; } = "ddim";

    /// <summary>Frames the network sees at once, at most what its position table has (24 in the released one); null: the configuration's
    /// data.num_frames, else 16.</summary>
    [Option(
        "frames the network sees at once; default: data.num_frames of the configuration, else 16",
        OptionEffect.Inputs,
        Least = 1,
        Most = 1000,
        Unit = "frames"
    )]
    public int? FramesPerChunk { get; init; }

    /// <summary>Attention policy: "auto", a backend's name or "require NAME" (only that one), "prefer NAME" or "forbid NAME". Default
    /// "auto".</summary>
    [Option("auto; NAME or \"require NAME\" (only that backend); \"prefer NAME\"; \"forbid NAME\"", OptionEffect.None)]
    public string Attention { get; init; } = "auto";

    /// <summary>"auto", "cpu", "cuda", "cuda:N" or "mps". Default "auto".</summary>
    [Option(Devices.Help, OptionEffect.Settled)]
    public string Device { get; init; } = "auto";

    /// <summary>"auto", "f32", "f16" or "bf16". Default "auto".</summary>
    [Option(DTypes.Help, OptionEffect.Settled)]
    public string DType { get; init; } = "auto";

    /// <summary>Folder of another libtorch, for instance the torch/lib of a Python install with CUDA; null: the packaged one.</summary>
    [Option(
        "use the libtorch in this folder, such as torch/lib of a Python install with CUDA",
        OptionEffect.None,
        Text = OptionText.InputFolder
    )]
    public string? LibTorchFolder { get; init; }

    /// <summary>"auto", "landmarks", "insightface", "yunet", "dlib" or "haar". Default "auto": the first that is present.</summary>
    [Option("face detector: auto, landmarks, insightface, yunet, dlib or haar; auto takes the first that is present", OptionEffect.Inputs)]
    public string Detector { get; init; } = "auto";

    /// <summary>Landmarks file (JSON); implies the landmarks detector.</summary>
    [Option(
        "landmarks file (JSON) to use in place of a detector; see docs/landmarks-file.md",
        OptionEffect.Inputs,
        Text = OptionText.InputFile
    )]
    public string? LandmarksPath { get; init; }

    /// <summary>Folder with the face models (det_10g.onnx and 2d106det.onnx, a YuNet .onnx, dlib's points); null: the checkpoint folder's
    /// auxiliary/.</summary>
    [Option(
        "folder with det_10g.onnx and 2d106det.onnx, a YuNet model, or dlib's points; default: auxiliary/ in the checkpoint folder",
        OptionEffect.Inputs,
        Text = OptionText.InputFolder
    )]
    public string? FaceModelsFolder { get; init; }

    /// <summary>Folder with OpenCV's Haar cascades; null: the system's.</summary>
    [Option("folder with OpenCV's Haar cascades", OptionEffect.Inputs, Text = OptionText.InputFolder)]
    public string? CascadesFolder { get; init; }

    /// <summary>Which face of several, counted from the left from 0; null: the largest at first, then the nearest to the last
    /// one.</summary>
    [Option(
        "which of several faces, counted from the left, 0 first; default: the largest, which is then followed",
        OptionEffect.Inputs,
        Least = 0
    )]
    public int? FaceIndex { get; init; }

    /// <summary>Mask picture (white keeps, black is generated); null: the original's mask, drawn.</summary>
    [Option("mask picture: white is kept, black is generated", OptionEffect.Settled, Text = OptionText.InputFile)]
    public string? MaskPath { get; init; }

    /// <summary>Reuse deep features on two of three steps. Default false.</summary>
    [Option("reuse deep features in two of three steps; about twice as fast", OptionEffect.Pixels)]
    public bool DeepCache { get; init; }

    /// <summary>Whisper on isolated 30 s segments, as the original, instead of overlapped windows. Default false.</summary>
    [Option("run Whisper on separate 30 s segments, as the original does (the lips jump every 30 s)", OptionEffect.Inputs)]
    public bool IsolatedAudioWindows { get; init; }

    /// <summary>What to do when the speech is longer than the video: "pingpong" (as the original), "loop", "hold" or "stop". Default
    /// "pingpong".</summary>
    [Option(
        "if the speech is longer than the video: pingpong (play forwards, then backwards), loop, hold (the last frame) or stop",
        OptionEffect.Inputs
    )]
    public string Extend { get; init; } = "pingpong";

    /// <summary>In pauses of the speech: "generate" (as the original) or "original" (fade to the untouched picture). Default
    /// "generate".</summary>
    [Option("in pauses of the speech: generate the mouth, or fade to the original one", OptionEffect.None)]
    public string Silence { get; init; } = "generate";

    /// <summary>Use only the first so many seconds of the speech; null: all.</summary>
    [Option("process only the first SECONDS seconds", OptionEffect.Inputs, Least = 0, IsLeastExcluded = true, Unit = "seconds")]
    public double? PreviewSeconds { get; init; }

    /// <summary>What shows where the video is transparent: "black", "white", "gray", "red", "green", "blue", "yellow", "cyan", "magenta" or
    /// "#rrggbb". Default "black".</summary>
    [Option("background of transparent videos: black, white, gray, green, ... or #rrggbb", OptionEffect.Inputs)]
    public string MatteColour { get; init; } = "black";

    /// <summary>Constant rate factor of the x264 encoder, 0..51. Default 16.</summary>
    [Option("quality of the H.264 encoder, 0 (lossless) to 51", OptionEffect.None, Least = 0, Most = 51)]
    public int Crf { get; init; } = 16;

    /// <summary>Keep finished chunks beside the output, so that the same command goes on after an interruption. Default false.</summary>
    [Option("keep finished chunks beside the output until it is complete, and reuse those of an interrupted run", OptionEffect.None)]
    public bool Resume { get; init; }

    /// <summary>Replace the network's output by its input: checks detection, alignment and pasting without the network.</summary>
    [Option("paste the untouched face back, without the network: checks detection and compositing", OptionEffect.Settled)]
    public bool Identity { get; init; }
}
