using System.Globalization;
using LatentSync.Chunks;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Reading;

namespace LatentSync;

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
            throw new SyncOptionsException(
                string.Create(CultureInfo.InvariantCulture, $"--preview must be a number of seconds above 0, not {seconds}.")
            );
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
        CheckPaths(options);
        NotEmpty("--attention", options.Attention, "a policy");
        NotEmpty("--device", options.Device, "a device");
        if (!MatteColour.TryParse(options.MatteColour, out _))
        {
            throw new SyncOptionsException(
                $"--matte must be {string.Join(", ", MatteColour.Names)} or #rrggbb, not \"{options.MatteColour}\"."
            );
        }
        if (options is { Resume: true, Seed: -1 })
        {
            throw new SyncOptionsException(
                "--resume needs a fixed --seed: with -1 every run draws another one and no finished chunk would fit."
            );
        }
        CheckOutput(options);
    }

    private static void CheckPaths(SyncOptions options)
    {
        NamedPath[] required =
        [
            new("--video", options.VideoPath),
            new("--audio", options.AudioPath),
            new("--out", options.OutputPath),
            new("--checkpoint", options.CheckpointFolder),
        ];
        IEnumerable<NamedPath> given = Inputs(options).Skip(3).Where(path => path.Path is not null);
        foreach ((string name, string? path) in required.Concat(given))
        {
            NotEmpty(name, path, name is "--checkpoint" or "--face-models" or "--cascades" or "--libtorch" ? "a folder" : "a file");
            if (path!.Contains('\0', StringComparison.Ordinal))
            {
                throw new SyncOptionsException($"{name} has a zero byte in its name; no file is called that.");
            }
            if (OutputPath.IsAddress(path))
            {
                throw new SyncOptionsException(
                    $"{name} must be a file or folder of this machine; {PrintableText.Quote(path)} is an address on the network: {(name == "--out" ? "write a file and upload it" : "download it first")}."
                );
            }
        }
    }

    private static void CheckOutput(SyncOptions options)
    {
        try
        {
            _ = OutputPath.File(options.OutputPath);
            FileOverlap.Refuse(Inputs(options), [new NamedPath("--out", options.OutputPath)]);
        }
        catch (OutputIsInputException overlap)
        {
            throw new SyncOptionsException(overlap.Message);
        }
        catch (OutputPathException wrong)
        {
            throw new SyncOptionsException($"--out: {wrong.Message}");
        }
        string store = new ChunkStore(options.OutputPath).Folder;
        if (options.Resume && FileStatus.Of(store) is { Kind: not FileKind.Folder })
        {
            throw new SyncOptionsException(
                $"--resume keeps finished chunks in the folder {PrintableText.Quote(store)}, but a file of that name is there: move it away."
            );
        }
    }

    /// <summary>Everything that a run reads, as its user names it.</summary>
    private static NamedPath[] Inputs(SyncOptions options) =>
        [
            new("--video", options.VideoPath),
            new("--audio", options.AudioPath),
            new("--checkpoint", options.CheckpointFolder),
            new("--config", options.UNetConfigurationPath),
            new("--landmarks", options.LandmarksPath),
            new("--mask", options.MaskPath),
            new("--face-models", options.FaceModelsFolder),
            new("--cascades", options.CascadesFolder),
            new("--libtorch", options.LibTorchFolder),
        ];

    private static void InRange(string name, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
        {
            throw new SyncOptionsException(
                string.Create(CultureInfo.InvariantCulture, $"{name} must lie between {least} and {most}, not {value}.")
            );
        }
    }

    private static void NotEmpty(string name, string? value, string what)
    {
        if (string.IsNullOrWhiteSpace(value))
        {
            throw new SyncOptionsException($"{name} must name {what}; it is empty.");
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
