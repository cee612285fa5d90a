using LatentSync.Checkpoints;
using LatentSync.Models.SyncNets;
using LatentSync.Models.UNets;
using LatentSync.Networks;
using LatentSync.Testing;
using LatentSync.Training.Loops;
using LatentSync.Training.Tests.Losses;
using LatentSync.Training.Tests.SyncNets;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Loops;

/// <summary>Two drawn clips and everything that a training of a small denoising network asks for: frozen networks and judges, all with
/// random weights.</summary>
public sealed class SmallNetworks : IAsyncLifetime
{
    /// <summary>Frames of a window; the judge of synchronisation sees as many.</summary>
    public const int Frames = 5;

    private readonly TalkingHeads _heads = new();
    private readonly TemporaryFolder _folder = new();

    /// <summary>Stage 1 on latents of 8x8.</summary>
    public const string Stage1 = """
        model:
          act_fn: silu
          add_audio_layer: true
          attention_head_dim: 4
          block_out_channels: [32, 32]
          cross_attention_dim: 64
          down_block_types: [CrossAttnDownBlock3D, DownBlock3D]
          mid_block_type: UNetMidBlock3DCrossAttn
          up_block_types: [UpBlock3D, CrossAttnUpBlock3D]
          in_channels: 13
          layers_per_block: 1
          norm_num_groups: 8
          out_channels: 4
          sample_size: 8
          use_motion_module: false
          motion_module_resolutions: [1, 2]
          motion_module_type: Vanilla
          motion_module_kwargs: { num_attention_heads: 4, num_transformer_block: 1, attention_block_types: [Temporal_Self], temporal_position_encoding: true, temporal_position_encoding_max_len: 24, zero_initialize: true }
        data: { num_frames: 5, resolution: 64, batch_size: 2, audio_feat_length: [2, 2] }
        ckpt: { save_ckpt_steps: 2 }
        optimizer: { lr: 1e-3, max_grad_norm: 1.0 }
        run: { max_train_steps: 4, seed: 42, use_mixed_noise: true, mixed_noise_alpha: 1, mixed_precision_training: false, recon_loss_weight: 1 }
        """;

    public string Faces => _heads.Faces;

    public string Autoencoder => PathOf("seeded", "vae");

    public string Whisper => PathOf("seeded", "whisper", "tiny.pt");

    /// <summary>Stage 2's additions to <see cref="Stage1"/>: motion modules, and every judge on decoded pictures.</summary>
    public string Supervised { get; private set; } = string.Empty;

    public string PathOf(params string[] names) => Path.Combine([_folder.Path, .. names]);

    public string Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text);
        return PathOf(name);
    }

    /// <summary>A checkpoint's weights, in the network that a configuration describes; the caller's.</summary>
    public UNet3DConditionModel Open(string checkpoint, string configuration)
    {
        UNet3DConditionModel network = UNet3DConditionModel.Create(
            Training.Loops.UNets.UNetSettings.Read(Run("opened", configuration)).Settings.Network,
            ScalarType.Float32,
            CPU
        );
        using TensorArchive archive = TensorArchive.Open(checkpoint);
        UNetCheckpoint.Load(network, archive);
        return network;
    }

    /// <summary>A run of its own folder.</summary>
    /// <param name="name">Name of configuration and folder.</param>
    /// <param name="configuration">YAML.</param>
    public TrainingRun Run(string name, string configuration) =>
        new()
        {
            ConfigurationPath = Write(name + ".yaml", configuration),
            OutputFolder = PathOf("runs", name),
            DataPath = Faces,
            AutoencoderFolder = Autoencoder,
            WhisperPath = Whisper,
            Device = "cpu",
            Threads = 2,
        };

    public async ValueTask InitializeAsync()
    {
        await _heads.InitializeAsync();
        SeededCheckpoint.Write(PathOf("seeded"), 3);
        using (StableSyncNet judge = StableSyncNet.Create(TalkingHeads.Network, ScalarType.Float32, CPU))
        {
            judge.InitializeForTraining(8);
            SyncNetCheckpoint.Save(PathOf("syncnet.pt"), judge, 1);
        }
        Write(
            "syncnet.yaml",
            TalkingHeads.Configuration.Replace("resume_ckpt_path: \"\"", "resume_ckpt_path: \"\", inference_ckpt_path: syncnet.pt")
        );
        PerceptualWeights.Vgg(7, 0.1).WriteSafetensors(_folder, "vgg.safetensors");
        PerceptualWeights.Linear(8).WriteTorch(_folder, "lpips.pth");
        PerceptualWeights.VideoTransformer(4).WriteTorch(_folder, "vit.pth", "module");
        Supervised = Stage1
            .Replace("use_motion_module: false", "use_motion_module: true")
            .Replace("batch_size: 2", "batch_size: 1, syncnet_config_path: syncnet.yaml")
            .Replace("save_ckpt_steps: 2", "save_ckpt_steps: 2, vgg_path: vgg.safetensors, lpips_path: lpips.pth, trepa_path: vit.pth")
            .Replace(
                "recon_loss_weight: 1",
                "recon_loss_weight: 1, pixel_space_supervise: true, use_syncnet: true, sync_loss_weight: 0.05, perceptual_loss_weight: 0.1, trepa_loss_weight: 10"
            );
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return _heads.DisposeAsync();
    }
}
