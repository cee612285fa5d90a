using System.Globalization;
using LatentSync.Checkpoints;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Loading;
using LatentSync.Models.UNets;
using static TorchSharp.torch;

namespace LatentSync.Models.SyncNets;

/// <summary>Reads and writes StableSyncNet's files: {"state_dict": ..., "global_step": ...} of PyTorch, or safetensors of the same
/// keys.</summary>
public static class SyncNetCheckpoint
{
    private const string WrapperPrefix = "state_dict.";
    private const string ParallelPrefix = "module."; // of networks saved inside a data-parallel wrapper

    /// <summary>Builds a network and loads it for evaluation: no gradients.</summary>
    /// <param name="path">stable_syncnet.pt, or a .safetensors file of the same keys.</param>
    /// <param name="configuration">The shape; null finds the preset that the file belongs to.</param>
    /// <param name="dtype">Element type to compute in; the file's is converted on the way.</param>
    /// <param name="device">Where the network lives.</param>
    /// <param name="progress">Bytes filled.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <exception cref="CheckpointMismatchException">The file is of another architecture; says what it looks like and what
    /// differs.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    /// <exception cref="ModelConfigurationException">The configuration contradicts itself.</exception>
    public static StableSyncNet Open(
        string path,
        SyncNetConfiguration? configuration,
        ScalarType dtype,
        Device device,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        using TensorArchive archive = TensorArchive.Open(path);
        configuration ??= FindPreset(archive) ?? SyncNetConfiguration.StableSyncNet(); // the latter to say what differs
        using (StableSyncNet outline = StableSyncNet.Create(configuration, dtype, META))
        {
            Match(outline, archive); // refuses a file of another architecture before any memory is taken
        }
        StableSyncNet network = StableSyncNet.Create(configuration, dtype, device);
        try
        {
            Load(network, archive, progress, cancellationToken);
            network.Freeze();
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Fills a network.</summary>
    /// <param name="network">The network; its parameters are overwritten.</param>
    /// <param name="archive">The file.</param>
    /// <param name="progress">Bytes filled.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <returns>Training step that the file names; null when it names none.</returns>
    /// <exception cref="CheckpointMismatchException">Keys or shapes are not exactly the network's; nothing was copied.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public static long? Load(
        StableSyncNet network,
        TensorArchive archive,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        Match(network, archive);
        StateDictLoader.Load(network, archive, Options(archive), progress, cancellationToken);
        return
            archive.Metadata.TryGetValue("global_step", out string? text)
            && long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long step)
            ? step
            : null;
    }

    /// <summary>The preset whose keys and shapes are the file's.</summary>
    /// <param name="archive">The file.</param>
    /// <returns>Null when there is none.</returns>
    public static SyncNetConfiguration? FindPreset(TensorArchive archive)
    {
        foreach ((_, SyncNetConfiguration configuration) in SyncNetConfiguration.Presets)
        {
            using StableSyncNet outline = StableSyncNet.Create(configuration, ScalarType.Float32, META);
            if (StateDictLoader.Compare(outline, archive, Options(archive)).Satisfies(StateDictStrictness.Exact))
            {
                return configuration;
            }
        }
        return null;
    }

    /// <summary>Writes a network as the original does.</summary>
    /// <param name="path">The file; replaced when the new one is complete.</param>
    /// <param name="network">The network.</param>
    /// <param name="globalStep">Training steps made.</param>
    /// <param name="curves">Further entries, such as the loss curves; null for none.</param>
    /// <exception cref="IOException">The file cannot be written; nothing is left behind.</exception>
    public static void Save(
        string path,
        StableSyncNet network,
        long globalStep,
        IReadOnlyDictionary<string, IReadOnlyList<double>>? curves = null
    )
    {
        CheckpointDictionary root = new() { { "global_step", globalStep }, { "state_dict", StateDictWriter.Dictionary(network) } };
        foreach ((string name, IReadOnlyList<double> values) in curves ?? new Dictionary<string, IReadOnlyList<double>>())
        {
            root.Add(name, values);
        }
        TorchCheckpointWriter.Write(path, root);
    }

    // Shapes only: the network may be on the meta device.
    private static void Match(StableSyncNet network, TensorArchive archive)
    {
        StateDictReport report = StateDictLoader.Compare(network, archive, Options(archive));
        if (!report.Satisfies(StateDictStrictness.Exact))
        {
            throw new CheckpointMismatchException(archive.Path, Name(network.Configuration), report, UNetCheckpoint.Describe(archive));
        }
    }

    private static StateDictOptions Options(TensorArchive archive) =>
        new()
        {
            Prefix = archive.Tensors.Keys.Any(key => key.StartsWith(WrapperPrefix, StringComparison.Ordinal))
                ? WrapperPrefix
                : string.Empty,
            Rename = key => key.StartsWith(ParallelPrefix, StringComparison.Ordinal) ? key[ParallelPrefix.Length..] : key,
        };

    private static Sentence Name(SyncNetConfiguration configuration)
    {
        bool attentive = configuration.Audio.AttentionBlocks.Concat(configuration.Visual.AttentionBlocks).Contains(true);
        return $"the configured StableSyncNet ({configuration.NumFrames} frames, {(Sentence)(configuration.LatentSpace ? "latents" : "pixels")}, embeddings of {configuration.EmbeddingSize}, {(Sentence)(attentive ? "with attention" : "without attention")})";
    }
}
