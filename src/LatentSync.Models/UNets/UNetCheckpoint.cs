using System.Globalization;
using LatentSync.Checkpoints;
using LatentSync.Models.Loading;

namespace LatentSync.Models.UNets;

/// <summary>Loads the original's U-Net files by its rules, but says what it did where the original is silent.</summary>
public static class UNetCheckpoint
{
    private const string Temporal = "motion_modules.";
    private const string PositionTableKey = ".pos_encoder.pe";

    /// <summary>Fills the network from a checkpoint.</summary>
    /// <param name="network">The network; its parameters are overwritten.</param>
    /// <param name="archive">latentsync_unet.pt, or any file of a state dictionary, bare or under "state_dict", with or without "module." in front of the keys.</param>
    /// <param name="allowMissing">
    /// False (the default) refuses a file that lacks anything but position tables and, with a <paramref name="seed"/>, temporal layers.
    /// True keeps what the network holds for every missing key, as the original does; initialise it first.
    /// </param>
    /// <param name="seed">
    /// Initial values of missing temporal layers (an identity, so a first-stage file works in the released configuration); null
    /// refuses such files too unless <paramref name="allowMissing"/> is set.
    /// </param>
    /// <returns>Which keys were missing, unused, or dropped by the original's rules.</returns>
    /// <exception cref="CheckpointMismatchException">The file is of another architecture; says which keys and shapes differ and what it looks like.</exception>
    public static UNetLoadReport Load(UNet3DConditionModel network, TensorArchive archive, bool allowMissing = false, long? seed = null)
    {
        Dictionary<string, long[]> wanted = network.state_dict().ToDictionary(e => e.Key, e => e.Value.shape);
        Dictionary<string, string> stored = KeysOf(archive);
        string looksLike = Describe(archive, stored);
        string[] dropped = [.. stored.Where(e => IsDropped(network.Configuration, e.Key, archive.Tensors[e.Value].Shape)).Select(e => e.Key)];
        foreach (string key in dropped)
        {
            stored.Remove(key);
        }
        foreach (string layer in ((string[])["conv_in", "conv_out"]).Where(layer => dropped.Contains($"{layer}.weight")))
        {
            stored.Remove($"{layer}.bias"); // goes with its weight
        }
        ShapeDifference[] differences =
        [
            .. wanted
                .Where(w => stored.TryGetValue(w.Key, out string? name) && !archive.Tensors[name].Shape.SequenceEqual(w.Value))
                .Select(w => new ShapeDifference(w.Key, [.. archive.Tensors[stored[w.Key]].Shape], w.Value)),
        ];
        string[] missing = [.. wanted.Keys.Where(key => !stored.ContainsKey(key) && !key.EndsWith(PositionTableKey, StringComparison.Ordinal))];
        string[] unexpected = [.. stored.Keys.Where(key => !wanted.ContainsKey(key))];
        bool temporalOnly = seed is not null && missing.All(key => key.Contains(Temporal, StringComparison.Ordinal));
        if (differences.Length > 0 || missing.Length > 0 && !allowMissing && !temporalOnly)
        {
            throw new CheckpointMismatchException(archive.Path, looksLike, missing, unexpected, dropped, differences);
        }
        if (missing.Length > 0 && temporalOnly && !allowMissing)
        {
            network.InitializeForTraining(seed!.Value);
        }
        using RenamedArchive renamed = new(archive, stored);
        StateDictLoader.Load(network, renamed);
        return new UNetLoadReport(missing, unexpected, dropped, looksLike, GlobalStep(archive));
    }

    /// <summary>What a file looks like, in a few words: "stage 2 (temporal layers in encoder and decoder)", "a Stable Diffusion 1.x U-Net", ...</summary>
    /// <param name="archive">The file.</param>
    public static string Describe(TensorArchive archive) => Describe(archive, KeysOf(archive));

    // Names without "state_dict." and "module.", each with its name in the file.
    private static Dictionary<string, string> KeysOf(TensorArchive archive)
    {
        string[] names = [.. archive.Tensors.Keys];
        bool wrapped = names.Any(name => name.StartsWith("state_dict.", StringComparison.Ordinal));
        Dictionary<string, string> keys = [];
        foreach (string name in names)
        {
            string key = name;
            if (wrapped)
            {
                if (!key.StartsWith("state_dict.", StringComparison.Ordinal))
                {
                    continue; // beside the state dictionary: optimiser state and the like
                }
                key = key["state_dict.".Length..];
            }
            key = key.StartsWith("module.", StringComparison.Ordinal) ? key["module.".Length..] : key;
            keys.TryAdd(key, name);
        }
        return keys;
    }

    // The original's three rules, which let a Stable Diffusion U-Net start the training.
    private static bool IsDropped(UNet3DConfiguration configuration, string key, IReadOnlyList<long> shape) =>
        key switch
        {
            "conv_in.weight" => shape.Count > 1 && shape[1] != configuration.InChannels,
            "conv_out.weight" => shape.Count > 0 && shape[0] != configuration.OutChannels,
            _ => (key.Contains("attn2.to_k.", StringComparison.Ordinal) || key.Contains("attn2.to_v.", StringComparison.Ordinal))
                && shape.Count > 1
                && shape[1] != configuration.CrossAttentionDim,
        };

    private static string Describe(TensorArchive archive, Dictionary<string, string> stored)
    {
        bool Any(string part) => stored.Keys.Any(key => key.Contains(part, StringComparison.Ordinal));
        long? InChannels() => stored.TryGetValue("conv_in.weight", out string? name) && archive.Tensors[name].Shape is { Count: > 1 } shape ? shape[1] : null;
        if (stored.Count == 0)
        {
            return "a file without tensors";
        }
        if (!stored.ContainsKey("conv_in.weight"))
        {
            return Any("encoder.down_blocks.") || Any("decoder.up_blocks.") ? "an image autoencoder (VAE)"
                : Any("encoder.blocks.") ? "a Whisper model"
                : Any("audio_encoder.") && Any("visual_encoder.") ? "a SyncNet"
                : Any("model.diffusion_model.") ? "a Stable Diffusion checkpoint in the single-file layout (convert it to the diffusers layout)"
                : Any(Temporal) ? "an AnimateDiff motion module without a U-Net"
                : "no U-Net of this family";
        }
        if (Any("audio_cross_attn."))
        {
            return "a LatentSync 1.0 U-Net (keys audio_cross_attn), whose architecture 1.5 and 1.6 do not share";
        }
        string channels = InChannels() is { } count ? string.Create(CultureInfo.InvariantCulture, $"{count} input channels") : "conv_in of unknown shape";
        if (InChannels() is 4)
        {
            return $"a Stable Diffusion U-Net ({channels})";
        }
        bool encoder = stored.Keys.Any(key => key.StartsWith("down_blocks.", StringComparison.Ordinal) && key.Contains(Temporal, StringComparison.Ordinal));
        return !Any(Temporal) ? $"a first-stage LatentSync U-Net (no motion modules; {channels})"
            : encoder ? $"a LatentSync U-Net with motion modules in encoder and decoder, as 1.5 and 1.6 ({channels})"
            : $"a LatentSync U-Net with motion modules in the decoder only, as stage2_efficient ({channels})";
    }

    private static long? GlobalStep(TensorArchive archive) =>
        archive.Metadata.TryGetValue("global_step", out string? text) && long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out long step) ? step : null;

    /// <summary>A view of an archive under other names, without the dropped tensors.</summary>
    private sealed class RenamedArchive : TensorArchive
    {
        private readonly TensorArchive _source;
        private readonly Dictionary<string, string> _names;
        private readonly Dictionary<string, TensorInfo> _tensors;

        public RenamedArchive(TensorArchive source, Dictionary<string, string> names)
        {
            (_source, _names) = (source, names);
            _tensors = names.ToDictionary(e => e.Key, e => source.Tensors[e.Value] with { Name = e.Key });
        }

        public override string Path => _source.Path;

        public override IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

        public override IReadOnlyDictionary<string, string> Metadata => _source.Metadata;

        public override void CopyTo(string name, TensorElementType elementType, Span<byte> destination) => _source.CopyTo(_names[name], elementType, destination);

        protected override void Dispose(bool disposing) { } // the source belongs to the caller
    }
}
