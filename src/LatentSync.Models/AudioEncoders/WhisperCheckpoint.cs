using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using static TorchSharp.torch;

namespace LatentSync.Models.AudioEncoders;

/// <summary>Loads the audio half of a Whisper checkpoint (<c>tiny.pt</c>, <c>small.pt</c>): <c>dims</c> and
/// <c>model_state_dict</c>.</summary>
public static class WhisperCheckpoint
{
    private const string EncoderPrefix = "model_state_dict.encoder.";

    /// <summary>Builds and loads the encoder for inference: evaluation mode, no gradients.</summary>
    /// <param name="path">The checkpoint.</param>
    /// <param name="dtype">Dtype of parameters and states; the file's (float16 in the published ones) is converted on the way.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <param name="progress">Bytes filled.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelConfigurationException">The file has no usable dimensions; it is no Whisper checkpoint.</exception>
    /// <exception cref="CheckpointMismatchException">Dimensions and weights do not belong together.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public static WhisperEncoder Load(
        string path,
        ScalarType dtype,
        Device device,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        using TensorArchive archive = TensorArchive.Open(path);
        return Load(archive, dtype, device, progress, cancellationToken);
    }

    /// <summary>Builds and loads the encoder from an opened checkpoint.</summary>
    /// <param name="archive">The checkpoint; the caller closes it.</param>
    /// <param name="dtype">Dtype of parameters and states.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <param name="progress">Bytes filled.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <exception cref="ModelConfigurationException">The file has no usable dimensions; it is no Whisper checkpoint.</exception>
    /// <exception cref="CheckpointMismatchException">Dimensions and weights do not belong together.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public static WhisperEncoder Load(
        TensorArchive archive,
        ScalarType dtype,
        Device device,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        WhisperConfiguration configuration = ReadConfiguration(archive);
        StateDictOptions options = new() { Prefix = EncoderPrefix };
        using (WhisperEncoder outline = WhisperEncoder.Create(configuration, dtype, META))
        {
            StateDictLoader.EnsureFits(outline, archive, options);
        }
        WhisperEncoder encoder = WhisperEncoder.Create(configuration, dtype, device);
        try
        {
            StateDictLoader.Load(encoder, archive, options, progress, cancellationToken);
            encoder.Freeze();
            return encoder;
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    /// <summary>Writes an encoder in the same layout; the text half is absent, which is nothing to LatentSync.</summary>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="encoder">The network.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, WhisperEncoder encoder)
    {
        CheckpointDictionary dims = [];
        foreach ((string name, int value) in encoder.Configuration.Dimensions)
        {
            dims.Add(name, value);
        }
        CheckpointDictionary root = new() { { "dims", dims }, { "model_state_dict", StateDictWriter.Dictionary(encoder, "encoder.") } };
        TorchCheckpointWriter.Write(path, root);
    }

    private static WhisperConfiguration ReadConfiguration(TensorArchive archive)
    {
        if (!archive.Metadata.Keys.Any(key => key.StartsWith("dims.", StringComparison.Ordinal)))
        {
            throw new ModelConfigurationException(
                $"{archive.Path} is not a Whisper checkpoint: it has no \"dims\"; give the original's tiny.pt or small.pt."
            );
        }
        try
        {
            return WhisperConfiguration.FromMetadata(archive.Metadata);
        }
        catch (ModelConfigurationException exception)
        {
            throw new ModelConfigurationException($"{archive.Path}: {exception.Message}", exception);
        }
    }
}
