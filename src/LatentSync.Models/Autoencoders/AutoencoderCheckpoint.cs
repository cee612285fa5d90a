using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using static TorchSharp.torch;

namespace LatentSync.Models.Autoencoders;

/// <summary>Loads an autoencoder's weights under diffusers' current key names or the ones before version 0.14.</summary>
public static class AutoencoderCheckpoint
{
    /// <summary>Old name of an attention's projection to the current one. The published sd-vae-ft-mse files use the old ones.</summary>
    private static readonly Dictionary<string, string> CurrentProjections = new()
    {
        ["query"] = "to_q",
        ["key"] = "to_k",
        ["value"] = "to_v",
        ["proj_attn"] = "to_out.0",
    };

    /// <summary>Builds and loads an autoencoder for inference: evaluation mode, no gradients.</summary>
    /// <param name="configuration">The shape; compared with the file before any memory is taken.</param>
    /// <param name="archive">The file; projections of the attention may be stored as (C, C, 1, 1) convolutions.</param>
    /// <param name="dtype">Dtype of parameters and activations; the file's is converted on the way.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <param name="progress">Bytes filled.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <exception cref="ModelConfigurationException">The configuration contradicts itself.</exception>
    /// <exception cref="CheckpointMismatchException">Configuration and weights do not belong together.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public static AutoencoderKL Load(
        AutoencoderConfiguration configuration,
        TensorArchive archive,
        ScalarType dtype,
        Device device,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        using (AutoencoderKL outline = AutoencoderKL.Create(configuration, dtype, META))
        {
            StateDictLoader.EnsureFits(outline, archive, Options);
        }
        AutoencoderKL autoencoder = AutoencoderKL.Create(configuration, dtype, device);
        try
        {
            Load(autoencoder, archive, progress, cancellationToken);
            autoencoder.Freeze();
            return autoencoder;
        }
        catch
        {
            autoencoder.Dispose();
            throw;
        }
    }

    /// <summary>Fills every parameter of the network.</summary>
    /// <param name="autoencoder">The network.</param>
    /// <param name="archive">The file; projections of the attention may be stored as (C, C, 1, 1) convolutions.</param>
    /// <param name="progress">Bytes filled.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <returns>What was copied, and keys of the file that the network lacks.</returns>
    /// <exception cref="CheckpointMismatchException">A key is missing or has another shape; nothing was copied.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public static StateDictReport Load(
        AutoencoderKL autoencoder,
        TensorArchive archive,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    ) => StateDictLoader.Load(autoencoder, archive, Options, progress, cancellationToken);

    private static StateDictOptions Options => new() { Rename = CurrentName, IgnoreTrailingUnitAxes = true };

    /// <summary>"….attentions.0.query.weight" to "….attentions.0.to_q.weight"; every other key stays.</summary>
    private static string CurrentName(string key)
    {
        string[] parts = key.Split('.');
        bool isProjection = parts.Length >= 4 && parts[^4] == "attentions" && CurrentProjections.ContainsKey(parts[^2]);
        return isProjection ? string.Join('.', [.. parts[..^2], CurrentProjections[parts[^2]], parts[^1]]) : key;
    }
}
