using System.Text;
using System.Text.Json;
using LatentSync.Checkpoints;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Json;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Loading;
using static TorchSharp.torch;

namespace LatentSync.Models.Autoencoders;

/// <summary>An autoencoder in diffusers' folder layout: <c>config.json</c> and one weights file.</summary>
public static class AutoencoderFolder
{
    /// <summary>Name of the configuration in the folder.</summary>
    public const string ConfigurationFile = "config.json";

    private const string WeightsStem = "diffusion_pytorch_model";
    private const int MaximumConfigurationBytes = 1 << 20;

    /// <summary>Names of the weights in the folder; where several are present the first is used. Split weights with an index, and variants
    /// (<c>.fp16.</c>, <c>.bf16.</c>) where there is no full precision, are found too: see <see cref="FindWeights"/>.</summary>
    public static IReadOnlyList<string> WeightsFiles { get; } = [WeightsStem + ".safetensors", WeightsStem + ".bin"];

    /// <summary>Builds and loads the autoencoder for inference: evaluation mode, no gradients.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="dtype">Dtype of parameters and activations; the file's is converted on the way.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <param name="progress">Bytes filled.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <returns>The network; absent <c>scaling_factor</c> is 0.18215, absent <c>shift_factor</c> 0.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="FileNotFoundException">The folder lacks the configuration or the weights; FileName says which.</exception>
    /// <exception cref="ModelConfigurationException">The configuration is malformed or describes no possible network.</exception>
    /// <exception cref="CheckpointMismatchException">Configuration and weights do not belong together.</exception>
    /// <exception cref="CheckpointFormatException">The weights file is damaged.</exception>
    public static AutoencoderKL Load(
        string folder,
        ScalarType dtype,
        Device device,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        AutoencoderConfiguration configuration = ReadConfiguration(folder);
        using TensorArchive weights = TensorArchive.Open(FindWeights(folder));
        return AutoencoderCheckpoint.Load(configuration, weights, dtype, device, progress, cancellationToken);
    }

    /// <summary>Fills a network from the folder's weights.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="autoencoder">The network; its parameters are overwritten.</param>
    /// <exception cref="FileNotFoundException">The folder lacks the weights.</exception>
    /// <exception cref="CheckpointMismatchException">The folder holds another architecture: says what differs; nothing was
    /// copied.</exception>
    /// <exception cref="CheckpointFormatException">The weights file is damaged.</exception>
    public static void LoadInto(string folder, AutoencoderKL autoencoder)
    {
        using TensorArchive weights = TensorArchive.Open(FindWeights(folder));
        AutoencoderCheckpoint.Load(autoencoder, weights);
    }

    /// <summary>Reads the folder's configuration.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="FileNotFoundException">It has no <c>config.json</c>.</exception>
    /// <exception cref="ModelConfigurationException">The file is no JSON object or describes no possible network.</exception>
    public static AutoencoderConfiguration ReadConfiguration(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException(
                Sentence.Say(
                    $"The autoencoder's folder {folder} does not exist; give a folder with {ConfigurationFile} and {Either(WeightsFiles)}."
                )
            );
        }
        string file = Path.GetFullPath(Path.Combine(folder, ConfigurationFile));
        try
        {
            using JsonDocument document = StrictJson.Parse(InputFile.ReadAllBytes(file, MaximumConfigurationBytes));
            return AutoencoderConfiguration.FromJson(document.RootElement);
        }
        catch (InputFileException exception)
        {
            throw exception.Fault == InputFileFault.Missing
                ? new FileNotFoundException(Sentence.Say($"The autoencoder's folder {folder} has no {ConfigurationFile}."), file, exception)
                : new ModelConfigurationException(exception.Message, exception);
        }
        catch (JsonException exception)
        {
            throw new ModelConfigurationException(
                $"{file} is not valid JSON: {StrictJson.Place(exception)}: {StrictJson.Problem(exception)}.",
                exception
            );
        }
        catch (ModelConfigurationException exception)
        {
            throw new ModelConfigurationException($"{file}: {exception.Message}", exception);
        }
    }

    /// <summary>Writes an autoencoder in the same layout, weights as safetensors.</summary>
    /// <param name="folder">The folder; made when it does not exist.</param>
    /// <param name="autoencoder">The network.</param>
    /// <param name="scalingFactor">Written as <c>scaling_factor</c>; null: the configuration's.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static void Save(string folder, AutoencoderKL autoencoder, double? scalingFactor = null)
    {
        Directory.CreateDirectory(folder);
        AutoencoderConfiguration configuration = autoencoder.Configuration with
        {
            ScalingFactor = scalingFactor ?? autoencoder.ScalingFactor,
        };
        PartialFile.Write(Path.Combine(folder, ConfigurationFile), Encoding.UTF8.GetBytes(configuration.ToJson()));
        SafetensorsWriter.Write(
            Path.Combine(folder, WeightsFiles[0]),
            StateDictWriter.Payloads(autoencoder),
            new Dictionary<string, string> { ["format"] = "pt" }
        );
    }

    /// <summary>The folder's weights: a file, or the index of several.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="FileNotFoundException">It has none.</exception>
    public static string FindWeights(string folder) =>
        WeightsFile.Find(folder, WeightsStem, ".safetensors", ".bin")
        ?? throw new FileNotFoundException(
            Sentence.Say($"The autoencoder's folder {folder} has no weights; it needs {Either(WeightsFiles)}."),
            Path.Combine(folder, WeightsFiles[0])
        );

    private static Sentence Either(IReadOnlyList<string> names) => $"{names[0]} or {names[1]}";
}
