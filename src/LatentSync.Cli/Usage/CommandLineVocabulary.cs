using System.Text;
using System.Text.RegularExpressions;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Usage;

/// <summary>The libraries' options and commands as they are typed: <c>⟦DType f16⟧</c> is "--dtype f16", <c>⟦attention tune⟧</c> is
/// "latentsync attention tune".</summary>
internal sealed partial class CommandLineVocabulary : Vocabulary
{
    /// <summary>Options whose name is not the property's in small letters with dashes.</summary>
    private static readonly Dictionary<string, string> Names = new()
    {
        ["AudioPath"] = "--audio",
        ["Autoencoder"] = "--vae",
        ["AutoencoderFolder"] = "--vae",
        ["BatchSize"] = "--batch",
        ["CascadesFolder"] = "--cascades",
        ["CheckpointFolder"] = "--checkpoint",
        ["ClipCount"] = "--clips",
        ["Configuration"] = "--config",
        ["ConfigurationPath"] = "--config",
        ["DataPath"] = "--data",
        ["DeepCache"] = "--deepcache",
        ["DType"] = "--dtype",
        ["DurationSeconds"] = "--seconds",
        ["FaceIndex"] = "--face",
        ["FaceModelsFolder"] = "--face-models",
        ["FramesPerChunk"] = "--chunk",
        ["Gpus"] = "--gpu",
        ["GuidanceScale"] = "--guidance",
        ["InferenceSteps"] = "--steps",
        ["IsolatedAudioWindows"] = "--isolated-audio",
        ["KeepFolder"] = "--keep",
        ["LandmarksPath"] = "--landmarks",
        ["LibTorch"] = "--libtorch",
        ["LibTorchFolder"] = "--libtorch",
        ["MachineFile"] = "--machine",
        ["MaskPath"] = "--mask",
        ["MatteColour"] = "--matte",
        ["OutputFolder"] = "--out",
        ["OutputPath"] = "--out",
        ["PreviewSeconds"] = "--preview",
        ["StableSyncNetPath"] = "--stable-syncnet",
        ["StartPath"] = "--start",
        ["SyncNetPath"] = "--syncnet",
        ["UNet"] = "--unet",
        ["UNetConfigurationPath"] = "--config",
        ["VideoPath"] = "--video",
        ["WhisperPath"] = "--whisper",
    };

    /// <summary>The option's name with its dashes.</summary>
    /// <param name="property">The property's name.</param>
    public static string OptionName(string property) =>
        Names.TryGetValue(property, out string? name) ? name : "--" + Capital().Replace(property, "-$0").TrimStart('-').ToLowerInvariant();

    /// <inheritdoc/>
    protected override string Option(string property, string? value) =>
        value is null ? OptionName(property) : $"{OptionName(property)} {value}";

    /// <inheritdoc/>
    protected override string Command(string words)
    {
        StringBuilder line = new("latentsync");
        foreach (string word in words.Split(' '))
        {
            string[] parts = word.Split('=', 2);
            line.Append(' ').Append(char.IsAsciiLetterUpper(word[0]) ? Option(parts[0], parts.Length > 1 ? parts[1] : null) : word);
        }
        return line.ToString();
    }

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capital();
}
