using System.Globalization;
using LatentSync.Checkpoints;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Loading;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>Loads the original's U-Net files by its rules, but says what it did where the original is silent.</summary>
public static class UNetCheckpoint
{
    private const string WrapperPrefix = "state_dict.";
    private const string ParallelPrefix = "module."; // of networks saved inside a data-parallel wrapper
    private const string TemporalPart = "motion_modules.";
    private const string PositionTableEnd = ".pos_encoder.pe";

    /// <summary>Builds a network and loads it for inference: no gradients.</summary>
    /// <param name="path">latentsync_unet.pt, or a .safetensors file of the same keys.</param>
    /// <param name="configuration">The shape.</param>
    /// <param name="dtype">Element type to compute in; the file's is converted on the way.</param>
    /// <param name="device">Where the network lives.</param>
    /// <param name="progress">Bytes filled.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <returns>The network and what was not as expected.</returns>
    /// <exception cref="CheckpointMismatchException">The file is of another architecture.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    /// <exception cref="ModelConfigurationException">The configuration contradicts itself.</exception>
    public static (UNet3DConditionModel Network, UNetLoadReport Report) Open(
        string path,
        UNet3DConfiguration configuration,
        ScalarType dtype,
        Device device,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        using TensorArchive archive = TensorArchive.Open(path);
        using (UNet3DConditionModel outline = UNet3DConditionModel.Create(configuration, dtype, META))
        {
            _ = Match(outline, archive, allowMissing: false); // refuses a file of another architecture before any memory is taken
        }
        UNet3DConditionModel network = UNet3DConditionModel.Create(configuration, dtype, device);
        try
        {
            UNetLoadReport report = Load(network, archive, progress: progress, cancellationToken: cancellationToken);
            network.Freeze();
            return (network, report);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Fills a network from a state dictionary, bare or under "state_dict", with or without "module." in front of the
    /// keys.</summary>
    /// <param name="network">The network; its parameters are overwritten.</param>
    /// <param name="archive">The file.</param>
    /// <param name="allowMissing">
    /// False (the default) refuses a file that lacks anything but temporal layers, which then pass their input on unchanged (a first-stage
    /// file works in the released configuration). True keeps what the network holds for every missing key, as the original does: to start a
    /// training from another network's weights, after <see cref="UNet3DConditionModel.InitializeForTraining"/>.
    /// </param>
    /// <param name="progress">Bytes filled.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <returns>Which keys were missing, unused, or dropped by the original's rules.</returns>
    /// <exception cref="CheckpointMismatchException">The file is of another architecture; says what it looks like and which keys and shapes
    /// differ. Nothing was copied.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public static UNetLoadReport Load(
        UNet3DConditionModel network,
        TensorArchive archive,
        bool allowMissing = false,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        (UNetLoadReport report, StateDictOptions options) = Match(network, archive, allowMissing);
        if (!allowMissing && report.Missing.Any(IsTemporal))
        {
            network.InitializeTemporalLayers();
        }
        StateDictLoader.Load(network, archive, options, progress, cancellationToken);
        return report;
    }

    /// <summary>What a file looks like, in a few words.</summary>
    /// <param name="archive">The file.</param>
    /// <returns>"a Stable Diffusion U-Net (4 input channels)", "a first-stage LatentSync U-Net (...)", "a Whisper model", ...</returns>
    public static Sentence Describe(TensorArchive archive)
    {
        string prefix = PrefixOf(archive);
        Dictionary<string, TensorInfo> stored = [];
        foreach ((string name, TensorInfo info) in archive.Tensors.Where(e => e.Key.StartsWith(prefix, StringComparison.Ordinal)))
        {
            stored[Plain(name[prefix.Length..])] = info;
        }
        bool Has(string part) => stored.Keys.Any(key => key.Contains(part, StringComparison.Ordinal));
        if (stored.Count == 0)
        {
            return "a file without tensors";
        }
        if (!stored.TryGetValue("conv_in.weight", out TensorInfo? convIn))
        {
            return Has("audio_encoder.") && Has("visual_encoder.") || Has("netcnnaud.") ? "a SyncNet"
                : Has("encoder.down_blocks.") || Has("decoder.up_blocks.") ? "an image autoencoder (VAE)"
                : Has("encoder.blocks.") ? "a Whisper model"
                : Has("model.diffusion_model.") ? "a Stable Diffusion checkpoint in the single-file layout"
                : Has(TemporalPart) ? "AnimateDiff motion modules without a U-Net"
                : "not a U-Net of this family";
        }
        if (Has("audio_cross_attn."))
        {
            return "a LatentSync 1.0 U-Net (its keys name audio_cross_attn), whose architecture differs from later versions";
        }
        long channels = convIn.Shape.Count > 1 ? convIn.Shape[1] : 0;
        Sentence count = $"{channels} input channels";
        if (channels == 4)
        {
            return $"a Stable Diffusion U-Net ({count})";
        }
        bool inEncoder = stored.Keys.Any(key => key.StartsWith("down_blocks.", StringComparison.Ordinal) && IsTemporal(key));
        return !Has(TemporalPart) ? (Sentence)$"a first-stage LatentSync U-Net (no motion modules, {count})"
            : inEncoder ? (Sentence)$"a LatentSync U-Net with motion modules in encoder and decoder ({count})"
            : $"a LatentSync U-Net with motion modules in the decoder only ({count})";
    }

    // Shapes only: the network may be on the meta device.
    private static (UNetLoadReport Report, StateDictOptions Options) Match(
        UNet3DConditionModel network,
        TensorArchive archive,
        bool allowMissing
    )
    {
        Sentence looksLike = Describe(archive);
        HashSet<string> dropped = FindDropped(network.Configuration, archive);
        StateDictOptions options = new()
        {
            Prefix = PrefixOf(archive),
            Strictness = StateDictStrictness.Partial,
            Rename = key => dropped.Contains(Plain(key)) ? null : Plain(key),
        };
        StateDictReport found = StateDictLoader.Compare(network, archive, options);
        found = found with { Missing = [.. found.Missing.Where(key => !key.EndsWith(PositionTableEnd, StringComparison.Ordinal))] };
        if (found.Differences.Count > 0 || !allowMissing && !found.Missing.All(IsTemporal))
        {
            throw new CheckpointMismatchException(archive.Path, Name(network.Configuration), found, looksLike);
        }
        string[] droppedKeys = [.. dropped.Order(StringComparer.Ordinal)];
        return (new UNetLoadReport(found.Missing, found.Unexpected, droppedKeys, looksLike, GlobalStep(archive)), options);
    }

    internal static bool IsTemporal(string key) => key.Contains(TemporalPart, StringComparison.Ordinal);

    private static string PrefixOf(TensorArchive archive) =>
        archive.Tensors.Keys.Any(key => key.StartsWith(WrapperPrefix, StringComparison.Ordinal)) ? WrapperPrefix : string.Empty;

    private static string Plain(string key) =>
        key.StartsWith(ParallelPrefix, StringComparison.Ordinal) ? key[ParallelPrefix.Length..] : key;

    // The original's three rules, by which a Stable Diffusion U-Net can start a training.
    private static HashSet<string> FindDropped(UNet3DConfiguration configuration, TensorArchive archive)
    {
        string prefix = PrefixOf(archive);
        HashSet<string> dropped = [];
        foreach ((string name, TensorInfo info) in archive.Tensors.Where(e => e.Key.StartsWith(prefix, StringComparison.Ordinal)))
        {
            string key = Plain(name[prefix.Length..]);
            bool isAudio = key.Contains("attn2.to_k.", StringComparison.Ordinal) || key.Contains("attn2.to_v.", StringComparison.Ordinal);
            if (key == "conv_in.weight" && info.Shape.Count > 1 && info.Shape[1] != configuration.InChannels)
            {
                dropped.UnionWith(["conv_in.weight", "conv_in.bias"]);
            }
            else if (key == "conv_out.weight" && info.Shape.Count > 0 && info.Shape[0] != configuration.OutChannels)
            {
                dropped.UnionWith(["conv_out.weight", "conv_out.bias"]);
            }
            else if (isAudio && info.Shape.Count > 1 && info.Shape[1] != configuration.CrossAttentionDim)
            {
                dropped.Add(key);
            }
        }
        return dropped;
    }

    private static Sentence Name(UNet3DConfiguration configuration) =>
        $"the configured U-Net ({configuration.InChannels} input channels, audio tokens of {configuration.CrossAttentionDim}, {(Sentence)(configuration.UseMotionModule ? "with motion modules" : "without motion modules")})";

    private static long? GlobalStep(TensorArchive archive) =>
        archive.Metadata.TryGetValue("global_step", out string? text)
        && long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long step)
            ? step
            : null;
}
