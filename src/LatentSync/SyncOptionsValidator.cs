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
        InRange("⟦InferenceSteps⟧", options.InferenceSteps, 1, 999);
        InRange("⟦GuidanceScale⟧", options.GuidanceScale, 0, 100);
        if (options.FramesPerChunk is { } frames)
        {
            InRange("⟦FramesPerChunk⟧", frames, 1, 1000);
        }
        InRange("⟦Crf⟧", options.Crf, 0, 51);
        if (options.Resolution is { } resolution)
        {
            InRange("⟦Resolution⟧", resolution, 64, 2048);
            if (resolution % 8 != 0)
            {
                throw new SyncOptionsException($"⟦Resolution⟧ must be a multiple of 8, not {resolution}.");
            }
        }
        if (options.PreviewSeconds is { } seconds && !(double.IsFinite(seconds) && seconds > 0))
        {
            throw new SyncOptionsException($"⟦PreviewSeconds⟧ must be a number of seconds above 0, not {seconds}.");
        }
        if (options.FaceIndex is < 0)
        {
            throw new SyncOptionsException($"⟦FaceIndex⟧ counts from 0, not {options.FaceIndex}.");
        }
        if (options.Seed < -1)
        {
            throw new SyncOptionsException($"⟦Seed⟧ must be -1 (random) or a number from 0, not {options.Seed}.");
        }
        OneOf("⟦DType⟧", options.DType, DTypes);
        OneOf("⟦Detector⟧", options.Detector, Detectors);
        OneOf("⟦Extend⟧", options.Extend, ExtendModes);
        OneOf("⟦Silence⟧", options.Silence, SilenceModes);
        OneOf("⟦Scheduler⟧", options.Scheduler, Schedulers);
        CheckPaths(options);
        NotEmpty("⟦Attention⟧", options.Attention, "a policy");
        NotEmpty("⟦Device⟧", options.Device, "a device");
        if (!MatteColour.TryParse(options.MatteColour, out _))
        {
            throw new SyncOptionsException(
                $"⟦MatteColour⟧ must be {string.Join(", ", MatteColour.Names)} or #rrggbb, not \"{options.MatteColour}\"."
            );
        }
        if (options is { Resume: true, Seed: -1 })
        {
            throw new SyncOptionsException(
                "⟦Resume⟧ needs a fixed ⟦Seed⟧: with -1 every run draws another one and no finished chunk would fit."
            );
        }
        CheckOutput(options);
    }

    private static void CheckPaths(SyncOptions options)
    {
        NamedPath[] required =
        [
            new("⟦VideoPath⟧", options.VideoPath),
            new("⟦AudioPath⟧", options.AudioPath),
            new("⟦OutputPath⟧", options.OutputPath),
            new("⟦CheckpointFolder⟧", options.CheckpointFolder),
        ];
        IEnumerable<NamedPath> given = Inputs(options).Skip(3).Where(path => path.Path is not null);
        foreach ((string name, string? path) in required.Concat(given))
        {
            NotEmpty(
                name,
                path,
                name is "⟦CheckpointFolder⟧" or "⟦FaceModelsFolder⟧" or "⟦CascadesFolder⟧" or "⟦LibTorchFolder⟧" ? "a folder" : "a file"
            );
            if (path!.Contains('\0', StringComparison.Ordinal))
            {
                throw new SyncOptionsException($"{name} has a zero byte in its name; no file is called that.");
            }
            if (OutputPath.IsAddress(path))
            {
                throw new SyncOptionsException(
                    $"{name} must be a file or folder of this machine; {PrintableText.Quote(path)} is an address on the network: {(name == "⟦OutputPath⟧" ? "write a file and upload it" : "download it first")}."
                );
            }
        }
    }

    private static void CheckOutput(SyncOptions options)
    {
        try
        {
            _ = OutputPath.File(options.OutputPath);
            FileOverlap.Refuse(Inputs(options), [new NamedPath("⟦OutputPath⟧", options.OutputPath)]);
        }
        catch (OutputIsInputException overlap)
        {
            throw new SyncOptionsException(overlap.Message);
        }
        catch (OutputPathException wrong)
        {
            throw new SyncOptionsException($"⟦OutputPath⟧: {wrong.Message}");
        }
        string store = new ChunkStore(options.OutputPath).Folder;
        if (options.Resume && FileStatus.Of(store) is { Kind: not FileKind.Folder })
        {
            throw new SyncOptionsException(
                $"⟦Resume⟧ keeps finished chunks in the folder {PrintableText.Quote(store)}, but a file of that name is there: move it away."
            );
        }
    }

    /// <summary>Everything that a run reads, as its user names it.</summary>
    private static NamedPath[] Inputs(SyncOptions options) =>
        [
            new("⟦VideoPath⟧", options.VideoPath),
            new("⟦AudioPath⟧", options.AudioPath),
            new("⟦CheckpointFolder⟧", options.CheckpointFolder),
            new("⟦UNetConfigurationPath⟧", options.UNetConfigurationPath),
            new("⟦LandmarksPath⟧", options.LandmarksPath),
            new("⟦MaskPath⟧", options.MaskPath),
            new("⟦FaceModelsFolder⟧", options.FaceModelsFolder),
            new("⟦CascadesFolder⟧", options.CascadesFolder),
            new("⟦LibTorchFolder⟧", options.LibTorchFolder),
        ];

    private static void InRange(string name, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
        {
            throw new SyncOptionsException($"{name} must lie between {least} and {most}, not {value}.");
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
