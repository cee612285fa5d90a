using LatentSync.Models.SyncNets;
using LatentSync.Testing;
using LatentSync.Training.Datasets;

namespace LatentSync.Training.Tests.SyncNets;

/// <summary>Two drawn clips of 3 seconds, whole and as aligned faces of 64 pixels, and a synchronisation network of that size.</summary>
public sealed class TalkingHeads : IAsyncLifetime
{
    /// <summary>What a training of <see cref="Network"/> reads.</summary>
    public const string Configuration = """
        model:
          audio_encoder:
            in_channels: 1
            block_out_channels: [32, 32, 32, 32, 64]
            downsample_factors: [[5, 1], 2, 2, 2, 2]
            attn_blocks: [0, 0, 0, 1, 0]
          visual_encoder:
            in_channels: 15
            block_out_channels: [32, 32, 32, 32, 32, 64]
            downsample_factors: [[1, 2], 2, 2, 2, 2, 2]
            attn_blocks: [0, 0, 0, 1, 0, 0]
        data: { num_frames: 5, resolution: 64, lower_half: true, batch_size: 4, num_val_samples: 8, gradient_accumulation_steps: 1 }
        ckpt: { save_ckpt_steps: 2, resume_ckpt_path: "" }
        optimizer: { lr: 1e-3, max_grad_norm: 1.0 }
        run: { max_train_steps: 4, validation_steps: 2, mixed_precision_training: true, seed: 42 }
        """;

    private readonly TemporaryFolder _folder = new();

    public static SyncNetConfiguration Network => SyncNetConfiguration.FromYaml(Configuration);

    public string Folder => _folder.Path;

    public string Faces => Path.Combine(_folder.Path, SyntheticDatasetWriter.FacesName);

    public string Video => _folder.File("clip-000011.mp4");

    public string Landmarks => _folder.File("clip-000011.landmarks.json");

    public string Write(string name, string text)
    {
        File.WriteAllText(_folder.File(name), text);
        return _folder.File(name);
    }

    public async ValueTask InitializeAsync() =>
        _ = await new SyntheticDatasetWriter(
            new SyntheticDatasetOptions
            {
                Folder = Folder,
                Count = 2,
                Seed = 11,
                Seconds = 3,
                Size = 256,
                WriteFaces = true,
                Resolution = 64,
            }
        ).RunAsync();

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
