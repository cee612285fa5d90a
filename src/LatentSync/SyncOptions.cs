namespace LatentSync;

/// <summary>What `sync` is asked to do. Every path is the caller's; nothing but <see cref="OutputPath"/> (and, with <see cref="Resume"/>, a
/// work folder beside it) is written.</summary>
public sealed record SyncOptions
{
    /// <summary>Video (any container ffmpeg reads) or a still picture.</summary>
    public required string VideoPath { get; init; }

    /// <summary>Speech: any audio or video file ffmpeg reads.</summary>
    public required string AudioPath { get; init; }

    /// <summary>File to write; its extension chooses the container. Replaced only when the new file is complete.</summary>
    public required string OutputPath { get; init; }

    /// <summary>Folder with latentsync_unet.pt, whisper/tiny.pt and vae/. Required; with <see cref="Identity"/> it need not
    /// exist.</summary>
    public required string CheckpointFolder { get; init; }

    /// <summary>Original configuration (YAML with a model: section); null: the one in the checkpoint folder, else LatentSync
    /// 1.5's.</summary>
    public string? UNetConfigurationPath { get; init; }

    /// <summary>Side of the square face picture, a multiple of 8; null: the configuration's data.resolution, else 256.</summary>
    public int? Resolution { get; init; }

    /// <summary>Denoising steps, 1..999. Default 20.</summary>
    public int InferenceSteps { get; init; } = 20;

    /// <summary>Classifier-free guidance; 1 or less switches it off. Default 1.5.</summary>
    public double GuidanceScale { get; init; } = 1.5;

    /// <summary>Seed of every random draw; -1 draws one and reports it. Default 1247.</summary>
    public long Seed { get; init; } = 1247;

    /// <summary>"ddim" (the original's) or "dpm++" (second order: 10 steps look like 20). Default "ddim".</summary>
    public string Scheduler { get; init; } = "ddim";

    /// <summary>Frames the network sees at once, at most what its position table has (24 in the released one); null: the configuration's
    /// data.num_frames, else 16.</summary>
    public int? FramesPerChunk { get; init; }

    /// <summary>Attention policy: "auto", a backend's name or "require NAME" (only that one), "prefer NAME" or "forbid NAME". Default
    /// "auto".</summary>
    public string Attention { get; init; } = "auto";

    /// <summary>"auto", "cpu", "cuda", "cuda:N" or "mps". Default "auto".</summary>
    public string Device { get; init; } = "auto";

    /// <summary>"auto", "f32", "f16" or "bf16". Default "auto".</summary>
    public string DType { get; init; } = "auto";

    /// <summary>Folder of another libtorch, for instance the torch/lib of a Python install with CUDA; null: the packaged one.</summary>
    public string? LibTorchFolder { get; init; }

    /// <summary>"auto", "insightface", "yunet", "haar" or "landmarks". Default "auto".</summary>
    public string Detector { get; init; } = "auto";

    /// <summary>Landmarks file (JSON); implies the landmarks detector.</summary>
    public string? LandmarksPath { get; init; }

    /// <summary>Folder with the face models (det_10g.onnx and 2d106det.onnx, or a YuNet .onnx); null: the checkpoint folder's
    /// auxiliary/.</summary>
    public string? FaceModelsFolder { get; init; }

    /// <summary>Folder with OpenCV's Haar cascades; null: the system's.</summary>
    public string? CascadesFolder { get; init; }

    /// <summary>Which face of several, counted from the left from 0; null: the largest at first, then the nearest to the last
    /// one.</summary>
    public int? FaceIndex { get; init; }

    /// <summary>Mask picture (white keeps, black is generated); null: the original's mask, drawn.</summary>
    public string? MaskPath { get; init; }

    /// <summary>Reuse deep features on two of three steps. Default false.</summary>
    public bool DeepCache { get; init; }

    /// <summary>Whisper on isolated 30 s segments, as the original, instead of overlapped windows. Default false.</summary>
    public bool IsolatedAudioWindows { get; init; }

    /// <summary>What to do when the speech is longer than the video: "pingpong" (as the original), "loop", "hold" or "stop". Default
    /// "pingpong".</summary>
    public string Extend { get; init; } = "pingpong";

    /// <summary>In pauses of the speech: "generate" (as the original) or "original" (fade to the untouched picture). Default
    /// "generate".</summary>
    public string Silence { get; init; } = "generate";

    /// <summary>Use only the first so many seconds of the speech; null: all.</summary>
    public double? PreviewSeconds { get; init; }

    /// <summary>What shows where the video is transparent: "black", "white", "gray", "red", "green", "blue", "yellow", "cyan", "magenta" or
    /// "#rrggbb". Default "black".</summary>
    public string MatteColour { get; init; } = "black";

    /// <summary>Constant rate factor of the x264 encoder, 0..51. Default 16.</summary>
    public int Crf { get; init; } = 16;

    /// <summary>Keep finished chunks beside the output, so that the same command goes on after an interruption. Default false.</summary>
    public bool Resume { get; init; }

    /// <summary>Replace the network's output by its input: checks detection, alignment and pasting without the network.</summary>
    public bool Identity { get; init; }
}
