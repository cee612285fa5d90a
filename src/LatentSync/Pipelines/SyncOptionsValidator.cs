using System.Globalization;
using LatentSync.Media.Video;

namespace LatentSync.Pipelines;

/// <summary>Checks options before any work begins.</summary>
internal static class SyncOptionsValidator
{
    private static readonly string[] DTypes = ["auto", "f32", "f16", "bf16"];
    private static readonly string[] Detectors = ["auto", "insightface", "yunet", "haar", "landmarks"];
    private static readonly string[] ExtendModes = ["pingpong", "loop", "hold", "stop"];
    private static readonly string[] SilenceModes = ["generate", "original"];
    private static readonly string[] Schedulers = ["ddim", "dpm++"];

    /// <summary>Throws on the first option that cannot be used.</summary>
    /// <exception cref="SyncOptionsException">Names the option, the value and what is allowed.</exception>
    public static void Check(SyncOptions options)
    {
        InRange("--steps", options.InferenceSteps, 1, 999);
        InRange("--guidance", options.GuidanceScale, 0, 100);
        if (options.FramesPerChunk is { } frames)
        {
            InRange("--chunk", frames, 1, 1000);
        }
        InRange("--crf", options.Crf, 0, 51);
        if (options.Resolution is { } resolution)
        {
            InRange("--resolution", resolution, 64, 2048);
            if (resolution % 8 != 0)
            {
                throw new SyncOptionsException($"--resolution must be a multiple of 8, not {resolution}.");
            }
        }
        if (options.PreviewSeconds is { } seconds && !(double.IsFinite(seconds) && seconds > 0))
        {
            throw new SyncOptionsException(string.Create(CultureInfo.InvariantCulture, $"--preview must be a number of seconds above 0, not {seconds}."));
        }
        if (options.FaceIndex is < 0)
        {
            throw new SyncOptionsException($"--face counts from 0, not {options.FaceIndex}.");
        }
        if (options.Seed < -1)
        {
            throw new SyncOptionsException($"--seed must be -1 (random) or a number from 0, not {options.Seed}.");
        }
        OneOf("--dtype", options.DType, DTypes);
        OneOf("--detector", options.Detector, Detectors);
        OneOf("--extend", options.Extend, ExtendModes);
        OneOf("--silence", options.Silence, SilenceModes);
        OneOf("--scheduler", options.Scheduler, Schedulers);
        if (!MatteColour.TryParse(options.MatteColour, out _))
        {
            throw new SyncOptionsException($"--matte must be {string.Join(", ", MatteColour.Names)} or #rrggbb, not \"{options.MatteColour}\".");
        }
        NotEmpty("--video", options.VideoPath);
        NotEmpty("--audio", options.AudioPath);
        NotEmpty("--out", options.OutputPath);
        if (options is { Resume: true, Seed: -1 })
        {
            throw new SyncOptionsException("--resume needs a fixed --seed: with -1 every run draws another one and no finished chunk would fit.");
        }
        string output = Path.GetFullPath(options.OutputPath);
        if (Directory.Exists(output))
        {
            throw new SyncOptionsException($"--out must be a file; {output} is a folder.");
        }
        foreach ((string name, string path) in new[] { ("--video", options.VideoPath), ("--audio", options.AudioPath) })
        {
            if (string.Equals(Path.GetFullPath(path), output, StringComparison.Ordinal))
            {
                throw new SyncOptionsException($"--out is the same file as {name}: {output} would be overwritten.");
            }
        }
    }

    private static void InRange(string name, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
        {
            throw new SyncOptionsException(string.Create(CultureInfo.InvariantCulture, $"{name} must lie between {least} and {most}, not {value}."));
        }
    }

    private static void NotEmpty(string name, string path)
    {
        if (string.IsNullOrWhiteSpace(path))
        {
            throw new SyncOptionsException($"{name} must name a file; it is empty.");
        }
    }

    private static void OneOf(string name, string value, string[] allowed)
    {
        if (!allowed.Contains(value))
        {
            throw new SyncOptionsException($"{name} must be one of {string.Join(", ", allowed)}, not \"{value}\".");
        }
    }
}
