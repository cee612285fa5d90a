using System.Globalization;
using System.Text;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Checkpoints;
using LatentSync.Foundation.Files;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Networks;

/// <summary>How large a seeded checkpoint is.</summary>
public enum SeededCheckpointSize
{
    /// <summary>Narrow networks in half precision, about 4.6 MB: a fraction of a second to make, seconds to run.</summary>
    Demo,

    /// <summary>The released configuration (LatentSync 1.5, Whisper tiny, sd-vae-ft-mse) in single precision, about 5.4 GB: shows what the
    /// real weights will take in time and memory on a machine before anybody downloads them.</summary>
    Full,
}

/// <summary>Makes a checkpoint in the original's file layout, filled with seeded random numbers: it proves that the chain runs, and
/// nothing about lips.</summary>
/// <remarks>The networks are the real ones (audio cross-attention, motion modules, 8x autoencoder), for the demo only narrow. The demo's
/// are made where they are needed instead of being kept in the repository.</remarks>
public static class SeededCheckpoint
{
    /// <summary>Files of the checkpoint, relative to its folder.</summary>
    public static IReadOnlyList<string> Files { get; } =
    ["latentsync_unet.pt", "whisper/tiny.pt", "vae/config.json", "vae/diffusion_pytorch_model.safetensors", "config.yaml", "README.txt"];

    /// <summary>First word of the README.txt of random weights.</summary>
    private const string UntrainedMark = "UNTRAINED";

    /// <summary>Side of the square face picture.</summary>
    public const int Resolution = 256;

    /// <summary>Writes the checkpoint; existing files of these names are replaced one by one, each when it is complete.</summary>
    /// <param name="folder">Folder to write to; made if missing.</param>
    /// <param name="seed">Seed of the weights.</param>
    /// <param name="size">How large.</param>
    /// <param name="cancellationToken">Checked between files.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static void Write(
        string folder,
        long seed,
        SeededCheckpointSize size = SeededCheckpointSize.Demo,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        TorchRuntime.EnsureLoaded();
        SeededNetworks networks = SeededNetworks.Of(size);
        Directory.CreateDirectory(Path.Combine(folder, "whisper"));
        Directory.CreateDirectory(Path.Combine(folder, "vae"));
        WriteUNet(Path.Combine(folder, Files[0]), networks, seed);
        cancellationToken.ThrowIfCancellationRequested();
        WriteWhisper(Path.Combine(folder, Files[1]), networks.Whisper, seed + 1);
        cancellationToken.ThrowIfCancellationRequested();
        WriteAutoencoder(Path.Combine(folder, Files[3]), networks, seed + 2);
        WriteText(Path.Combine(folder, Files[2]), networks.Autoencoder.ToJson());
        WriteText(Path.Combine(folder, Files[4]), ConfigurationYaml(networks.UNet));
        WriteText(Path.Combine(folder, Files[5]), ReadMe(seed));
    }

    /// <summary>True for a folder that <see cref="Write"/> filled and nobody has trained since: its README.txt says so.</summary>
    /// <param name="folder">A checkpoint folder.</param>
    public static bool IsUntrained(string folder)
    {
        string path = Path.Combine(folder, "README.txt");
        if (!File.Exists(path))
        {
            return false;
        }
        using StreamReader reader = new(path);
        char[] start = new char[UntrainedMark.Length];
        return reader.ReadBlock(start) == start.Length && start.AsSpan().SequenceEqual(UntrainedMark);
    }

    private static void WriteUNet(string path, SeededNetworks networks, long seed)
    {
        using UNet3DConditionModel network = UNet3DConditionModel.Create(networks.UNet, ScalarType.Float32, CPU);
        network.InitializeForTraining(seed);
        FillZeroLayers(network, seed);
        CheckpointDictionary weights = [];
        foreach ((string name, TensorPayload payload) in Payloads(network, networks.IsHalf))
        {
            weights.Add(name, payload);
        }
        TorchCheckpointWriter.Write(path, new CheckpointDictionary { { "state_dict", weights }, { "global_step", 0 } });
    }

    private static void WriteWhisper(string path, WhisperConfiguration configuration, long seed)
    {
        using WhisperEncoder encoder = WhisperEncoder.Create(configuration, ScalarType.Float32, CPU);
        encoder.InitializeForTraining(seed);
        CheckpointDictionary weights = [];
        foreach ((string name, TensorPayload payload) in Payloads(encoder, half: true))
        {
            weights.Add("encoder." + name, payload);
        }
        CheckpointDictionary dims = new()
        {
            { "n_mels", configuration.MelBands },
            { "n_audio_ctx", configuration.AudioPositions },
            { "n_audio_state", configuration.AudioWidth },
            { "n_audio_head", configuration.AudioHeads },
            { "n_audio_layer", configuration.AudioLayers },
            { "n_vocab", 51865 },
            { "n_text_ctx", 448 },
            { "n_text_state", configuration.AudioWidth },
            { "n_text_head", configuration.AudioHeads },
            { "n_text_layer", configuration.AudioLayers },
        };
        TorchCheckpointWriter.Write(path, new CheckpointDictionary { { "dims", dims }, { "model_state_dict", weights } });
    }

    private static void WriteAutoencoder(string path, SeededNetworks networks, long seed)
    {
        using AutoencoderKL autoencoder = AutoencoderKL.Create(networks.Autoencoder, ScalarType.Float32, CPU);
        autoencoder.InitializeForTraining(seed);
        SafetensorsWriter.Write(path, Payloads(autoencoder, networks.IsHalf), new Dictionary<string, string> { ["format"] = "pt" });
    }

    /// <summary>Training starts with some layers at zero, which would hide everything behind them; here each takes part.</summary>
    private static void FillZeroLayers(nn.Module network, long seed)
    {
        using IDisposable noGradient = no_grad();
        using Generator generator = new((ulong)seed + 77, CPU);
        foreach ((string _, TorchSharp.Modules.Parameter parameter) in network.named_parameters())
        {
            using DisposeScope scope = NewDisposeScope();
            if (parameter.dim() > 1 && !parameter.count_nonzero().ToBoolean())
            {
                long inputs = parameter.numel() / parameter.shape[0];
                parameter.copy_(randn(parameter.shape, generator: generator).Times(0.5 / Math.Sqrt(inputs)));
            }
        }
    }

    // Written one tensor at a time, so that the file needs no second copy of the network in memory.
    private static Dictionary<string, TensorPayload> Payloads(nn.Module network, bool half) =>
        network
            .state_dict()
            .ToDictionary(
                entry => entry.Key,
                entry => new TensorPayload(
                    half ? TensorElementType.Float16 : TensorElementType.Float32,
                    entry.Value.shape,
                    stream =>
                    {
                        using DisposeScope scope = NewDisposeScope();
                        stream.Write(entry.Value.detach().to(half ? ScalarType.Float16 : ScalarType.Float32).contiguous().bytes);
                    }
                )
            );

    private static void WriteText(string path, string text) => PartialFile.Write(path, Encoding.UTF8.GetBytes(text));

    private static string List(IEnumerable<int> values) =>
        "[" + string.Join(", ", values.Select(v => v.ToString(CultureInfo.InvariantCulture))) + "]";

    private static string ConfigurationYaml(UNet3DConfiguration network) =>
        $"""
            # The original's keys. The weights beside this file are random: see README.txt.
            data:
              num_frames: 16
              resolution: {Resolution}
              audio_sample_rate: 16000
              video_fps: 25
              audio_feat_length: [2, 2]

            model:
              act_fn: silu
              add_audio_layer: true
              attention_head_dim: {network.HeadCounts[0]}
              block_out_channels: {List(network.BlockOutChannels)}
              center_input_sample: false
              cross_attention_dim: {network.CrossAttentionDim}
              down_block_types: [CrossAttnDownBlock3D, CrossAttnDownBlock3D, CrossAttnDownBlock3D, DownBlock3D]
              mid_block_type: UNetMidBlock3DCrossAttn
              up_block_types: [UpBlock3D, CrossAttnUpBlock3D, CrossAttnUpBlock3D, CrossAttnUpBlock3D]
              downsample_padding: 1
              flip_sin_to_cos: true
              freq_shift: 0
              in_channels: 13
              layers_per_block: {network.LayersPerBlock}
              mid_block_scale_factor: 1
              norm_eps: 1e-5
              norm_num_groups: 32
              out_channels: 4
              sample_size: 64
              resnet_time_scale_shift: default
              use_motion_module: true
              motion_module_resolutions: [1, 2, 4, 8]
              motion_module_mid_block: false
              motion_module_decoder_only: false
              motion_module_type: Vanilla
              motion_module_kwargs:
                num_attention_heads: 8
                num_transformer_block: 1
                attention_block_types: [Temporal_Self, Temporal_Self]
                temporal_position_encoding: true
                temporal_position_encoding_max_len: 24
                temporal_attention_dim_div: 1
                zero_initialize: true

            """;

    private static string ReadMe(long seed) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"""
            {UntrainedMark}, seeded random weights (seed {seed}).

            These files have the layout and the key names of a LatentSync checkpoint and load like one, but nobody has trained them:
            what they generate is noise where the mouth should be. They exist to show that the whole chain runs.
            For real lips use a trained checkpoint of the same layout.

            """
        );
}
