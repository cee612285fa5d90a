using System.Text.Json;
using LatentSync.Models.Loading;
using LatentSync.Models.Schedulers;

namespace LatentSync.Models.UNets;

/// <summary>What inference uses of one of the original's configuration files (configs/unet/*.yaml).</summary>
/// <param name="Model">The <c>model</c> section.</param>
/// <param name="Resolution">Side of the face picture in pixels, <c>data.resolution</c>; null when absent.</param>
/// <param name="FramesPerChunk"><c>data.num_frames</c>; null when absent.</param>
/// <param name="AudioFeatureLength">Whisper rows before and after a frame's own, <c>data.audio_feat_length</c>; null when absent.</param>
/// <param name="MaskImagePath"><c>data.mask_image_path</c> as written; null when absent.</param>
/// <param name="Prediction">What the network was trained to give, <c>run.prediction_type</c> (ours); the original's networks give the
/// noise.</param>
public sealed record LatentSyncConfiguration(
    UNet3DConfiguration Model,
    int? Resolution = null,
    int? FramesPerChunk = null,
    IReadOnlyList<int>? AudioFeatureLength = null,
    string? MaskImagePath = null,
    PredictionType Prediction = PredictionType.Epsilon
)
{
    /// <summary>Reads a configuration file.</summary>
    /// <param name="path">A YAML file (JSON is YAML too).</param>
    /// <exception cref="ModelConfigurationException">The file is missing, too large, not YAML, or describes no usable network.</exception>
    public static LatentSyncConfiguration FromFile(string path)
    {
        string yaml = YamlDocument.ReadText(path);
        try
        {
            return FromYaml(yaml);
        }
        catch (ModelConfigurationException exception)
        {
            throw new ModelConfigurationException($"{path}: {exception.Message}", exception);
        }
    }

    /// <summary>Reads the text of a configuration file.</summary>
    /// <param name="yaml">YAML with a <c>model</c> mapping. Plain scalars are typed as the original's loader types them: 1e-5 is a
    /// number.</param>
    /// <exception cref="ModelConfigurationException">The text is not YAML, has no <c>model</c> section, or describes no usable
    /// network.</exception>
    public static LatentSyncConfiguration FromYaml(string yaml)
    {
        JsonElement root = YamlDocument.ToJson(yaml);
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("model", out JsonElement model))
        {
            throw new ModelConfigurationException(
                "The configuration has no \"model:\" section, which describes the network; give one of the original's configs/unet/*.yaml."
            );
        }
        UNet3DConfiguration network = UNet3DConfiguration.FromJson(model);
        PredictionType prediction = ReadPrediction(root);
        if (!root.TryGetProperty("data", out JsonElement data) || data.ValueKind == JsonValueKind.Null)
        {
            return new LatentSyncConfiguration(network, Prediction: prediction);
        }
        ConfigurationReader reader = new(data, "the data section");
        bool Has(string key) => data.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null;
        return new LatentSyncConfiguration(
            network,
            Has("resolution") ? reader.Integer("resolution", 0, 8, 1 << 14) : null,
            Has("num_frames") ? reader.Integer("num_frames", 0, 1, 1 << 16) : null,
            Has("audio_feat_length") ? reader.Integers("audio_feat_length", [], 0, 1000, 2) : null,
            Has("mask_image_path") ? reader.Text("mask_image_path", string.Empty) : null,
            prediction
        );
    }

    private static PredictionType ReadPrediction(JsonElement root)
    {
        if (!root.TryGetProperty("run", out JsonElement run) || run.ValueKind != JsonValueKind.Object)
        {
            return PredictionType.Epsilon;
        }
        ConfigurationReader reader = new(run, "the run section");
        string text = reader.Text("prediction_type", "epsilon");
        return SchedulerConfiguration.ParsePrediction(text)
            ?? throw reader.Invalid("prediction_type", $"\"{text}\"", "\"epsilon\", \"sample\" or \"v_prediction\"");
    }
}
