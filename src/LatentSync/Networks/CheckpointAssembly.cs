using System.Text;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Checkpoints;
using LatentSync.Foundation.Files;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;
using LatentSync.Models.UNets;
using static TorchSharp.torch;

namespace LatentSync.Networks;

/// <summary>The trained parts that <see cref="CheckpointAssembly"/> puts together.</summary>
public sealed record CheckpointParts
{
    /// <summary>The denoising network: <c>checkpoint-{step}.pt</c> of `train unet`.</summary>
    public required string UNet { get; init; }

    /// <summary>The YAML file that it was trained with: sections <c>model</c> and <c>data</c>.</summary>
    public required string Configuration { get; init; }

    /// <summary>The autoencoder's folder: <c>checkpoint-{step}</c> of `train vae`, or diffusers'.</summary>
    public required string Autoencoder { get; init; }

    /// <summary>The speech encoder: <c>checkpoint-{step}.pt</c> of `train speech`, or Whisper's own.</summary>
    public required string Whisper { get; init; }

    /// <summary>What <c>README.txt</c> in the folder says; null: no such file.</summary>
    public string? ReadMe { get; init; }
}

/// <summary>Puts separately trained networks together to a checkpoint folder in the original's layout, in half precision.</summary>
public static class CheckpointAssembly
{
    private const int MaximumTextBytes = 1 << 20;

    /// <summary>Writes the folder; each file when it is complete.</summary>
    /// <param name="parts">What to put together.</param>
    /// <param name="folder">Folder to write to; made if missing.</param>
    /// <param name="cancellationToken">Checked between files.</param>
    /// <exception cref="ModelConfigurationException">A configuration is not usable, or parts do not fit each other.</exception>
    /// <exception cref="CheckpointMismatchException">A file is of another shape than its configuration.</exception>
    /// <exception cref="IOException">A file is missing or cannot be written.</exception>
    public static void Write(CheckpointParts parts, string folder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentException.ThrowIfNullOrEmpty(folder);
        FileOverlap.Refuse(
            [
                new("⟦UNet⟧", parts.UNet),
                new("⟦Configuration⟧", parts.Configuration),
                new("⟦Autoencoder⟧", parts.Autoencoder),
                new("⟦Whisper⟧", parts.Whisper),
            ],
            SeededCheckpoint.Files.Append("README.txt").Select(name => new NamedPath("⟦OutputFolder⟧", Path.Combine(folder, name)))
        );
        TorchRuntime.EnsureLoaded();
        LatentSyncConfiguration configuration = LatentSyncConfiguration.FromFile(parts.Configuration);
        using WhisperEncoder whisper = WhisperCheckpoint.Load(parts.Whisper, ScalarType.Float16, CPU, cancellationToken: cancellationToken);
        using AutoencoderKL autoencoder = AutoencoderFolder.Load(
            parts.Autoencoder,
            ScalarType.Float16,
            CPU,
            cancellationToken: cancellationToken
        );
        if (whisper.Configuration.AudioWidth != configuration.Model.CrossAttentionDim)
        {
            throw new ModelConfigurationException(
                $"{parts.Configuration} takes audio tokens of width {configuration.Model.CrossAttentionDim}, but {parts.Whisper} gives {whisper.Configuration.AudioWidth}: they were not trained together."
            );
        }
        (UNet3DConditionModel network, UNetLoadReport report) = UNetCheckpoint.Open(
            parts.UNet,
            configuration.Model,
            ScalarType.Float16,
            CPU,
            null,
            cancellationToken
        );
        using (network)
        {
            Directory.CreateDirectory(Path.Combine(folder, "whisper"));
            TorchCheckpointWriter.Write(
                Path.Combine(folder, "latentsync_unet.pt"),
                new CheckpointDictionary
                {
                    { "global_step", report.GlobalStep ?? 0 },
                    { "state_dict", StateDictWriter.Dictionary(network) },
                }
            );
        }
        WhisperCheckpoint.Save(Path.Combine(folder, "whisper", "tiny.pt"), whisper);
        AutoencoderFolder.Save(Path.Combine(folder, "vae"), autoencoder);
        WriteText(Path.Combine(folder, "config.yaml"), InputFile.ReadAllText(parts.Configuration, MaximumTextBytes));
        if (parts.ReadMe is { } text)
        {
            WriteText(Path.Combine(folder, "README.txt"), text);
        }
    }

    private static void WriteText(string path, string text) => PartialFile.Write(path, Encoding.UTF8.GetBytes(text));
}
