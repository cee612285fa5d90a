using LatentSync.Checkpoints;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;
using LatentSync.Models.UNets;
using LatentSync.Networks;

namespace LatentSync;

/// <summary>What a run's options and its checkpoint's configuration say together, settled before anything large is loaded.</summary>
/// <param name="Checkpoint">Where the networks lie; null for an identity run.</param>
/// <param name="Configuration">The networks' configuration; null for an identity run.</param>
/// <param name="Resolution">Side of the face picture.</param>
/// <param name="FramesPerChunk">Frames the network sees at once.</param>
/// <param name="AudioFramesBefore">Video frames whose speech a frame hears before its own.</param>
/// <param name="AudioFramesAfter">And after it.</param>
/// <param name="Identity">Names, sizes and times of all files that decide results; changes when one of them is replaced.</param>
internal sealed record SyncSettings(
    CheckpointFolder? Checkpoint,
    LatentSyncConfiguration? Configuration,
    int Resolution,
    int FramesPerChunk,
    int AudioFramesBefore,
    int AudioFramesAfter,
    string Identity
)
{
    /// <summary>What was assumed for want of a statement.</summary>
    public IReadOnlyList<string> Notes { get; private init; } = [];

    private const int DefaultResolution = 256;
    private const int DefaultFramesPerChunk = 16;

    /// <summary>Settles the options of a run.</summary>
    /// <exception cref="CheckpointFolderException">The folder or a part of it is missing.</exception>
    /// <exception cref="ModelConfigurationException">The configuration is malformed or cannot be used.</exception>
    /// <exception cref="SyncOptionsException">More frames per chunk than the network knows positions for.</exception>
    public static SyncSettings Of(SyncOptions options)
    {
        if (options.Identity)
        {
            return new SyncSettings(
                null,
                null,
                options.Resolution ?? DefaultResolution,
                options.FramesPerChunk ?? DefaultFramesPerChunk,
                0,
                0,
                "identity"
            );
        }
        CheckpointFolder folder = CheckpointFolder.Find(options.CheckpointFolder);
        string? path = options.UNetConfigurationPath ?? folder.Configuration;
        LatentSyncConfiguration configuration = path is null
            ? new LatentSyncConfiguration(UNet3DConfiguration.LatentSync15())
            : LatentSyncConfiguration.FromFile(path);
        int resolution = options.Resolution ?? configuration.Resolution ?? DefaultResolution;
        if (resolution is < FaceTemplate.MinResolution or > FaceTemplate.MaxResolution || resolution % 8 != 0)
        {
            throw new ModelConfigurationException(
                $"{path}: data.resolution is {resolution}; a multiple of 8 from {FaceTemplate.MinResolution} to {FaceTemplate.MaxResolution} is required."
            );
        }
        IReadOnlyList<int> reach = configuration.AudioFeatureLength ?? [2, 2];
        if (reach.Count != 2)
        {
            throw new ModelConfigurationException(
                $"{path}: data.audio_feat_length has {reach.Count} entries; two are required, frames before and frames after."
            );
        }
        string?[] files = [.. WeightsFile.Files(folder.UNet), .. WeightsFile.Files(folder.Whisper), path, .. VaeFiles(folder.Vae)];
        string[] notes =
            options.Resolution is null && configuration.Resolution is null
                ?
                [
                    Sentence.Say(
                        $"no configuration gives the resolution: {resolution} pixels assumed (LatentSync 1.5); for 1.6 weights add ⟦Resolution 512⟧"
                    ),
                ]
                : [];
        return new SyncSettings(
            folder,
            configuration,
            resolution,
            ChunkLength(options, configuration),
            reach[0],
            reach[1],
            string.Join(';', files.Where(File.Exists).Select(f => Stamp(f!)))
        )
        {
            Notes = notes,
        };
    }

    private static int ChunkLength(SyncOptions options, LatentSyncConfiguration configuration)
    {
        int most = configuration.Model.MaximumFrames ?? int.MaxValue;
        if (options.FramesPerChunk is { } asked)
        {
            return asked <= most
                ? asked
                : throw new SyncOptionsException(
                    $"⟦FramesPerChunk⟧ {asked}: the network's temporal layers have {most} positions, so a chunk can have at most {most} frames."
                );
        }
        return Math.Min(configuration.FramesPerChunk ?? DefaultFramesPerChunk, most);
    }

    private static IEnumerable<string> VaeFiles(string folder) =>
        [Path.Combine(folder, AutoencoderFolder.ConfigurationFile), .. WeightsFile.Files(AutoencoderFolder.FindWeights(folder))];

    private static string Stamp(string path)
    {
        FileInfo file = new(path);
        return $"{file.FullName}|{file.Length}|{file.LastWriteTimeUtc.Ticks}";
    }
}
