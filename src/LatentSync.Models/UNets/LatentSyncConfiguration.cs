using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LatentSync.Models.Loading;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace LatentSync.Models.UNets;

/// <summary>What inference uses of one of the original's configuration files (configs/unet/*.yaml).</summary>
/// <param name="Model">The <c>model</c> section.</param>
/// <param name="Resolution">Side of the face picture in pixels, <c>data.resolution</c>; null when absent.</param>
/// <param name="FramesPerChunk"><c>data.num_frames</c>; null when absent.</param>
/// <param name="AudioFeatureLength">Whisper rows before and after a frame's own, <c>data.audio_feat_length</c>; null when absent.</param>
/// <param name="MaskImagePath"><c>data.mask_image_path</c> as written; null when absent.</param>
public sealed record LatentSyncConfiguration(
    UNet3DConfiguration Model,
    int? Resolution = null,
    int? FramesPerChunk = null,
    IReadOnlyList<int>? AudioFeatureLength = null,
    string? MaskImagePath = null
)
{
    // The original's files have 3 kB and a depth of 3.
    private const int MaximumBytes = 1 << 20;
    private const int MaximumDepth = 32;
    private const int MaximumNodes = 10_000;

    /// <summary>Reads a configuration file.</summary>
    /// <param name="path">A YAML file (JSON is YAML too).</param>
    /// <exception cref="ModelConfigurationException">The file is missing, too large, not YAML, or describes no usable network.</exception>
    public static LatentSyncConfiguration FromFile(string path)
    {
        FileInfo file = new(path);
        if (!file.Exists)
        {
            throw new ModelConfigurationException($"The configuration file {path} does not exist.");
        }
        if (file.Length > MaximumBytes)
        {
            throw new ModelConfigurationException(
                $"The configuration file {path} has {file.Length} bytes; at most {MaximumBytes} are expected of a configuration."
            );
        }
        try
        {
            return FromYaml(File.ReadAllText(path, Encoding.UTF8));
        }
        catch (ModelConfigurationException exception)
        {
            throw new ModelConfigurationException($"{path}: {exception.Message}", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelConfigurationException($"The configuration file {path} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Reads the text of a configuration file.</summary>
    /// <param name="yaml">YAML with a <c>model</c> mapping. Plain scalars are typed as the original's loader types them: 1e-5 is a number.</param>
    /// <exception cref="ModelConfigurationException">The text is not YAML, has no <c>model</c> section, or describes no usable network.</exception>
    public static LatentSyncConfiguration FromYaml(string yaml)
    {
        if (yaml.Length > MaximumBytes)
        {
            throw new ModelConfigurationException($"The configuration has {yaml.Length} characters; at most {MaximumBytes} are expected.");
        }
        JsonElement root = ToJson(yaml);
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("model", out JsonElement model))
        {
            throw new ModelConfigurationException(
                "The configuration has no \"model:\" section, which describes the network; give one of the original's configs/unet/*.yaml."
            );
        }
        UNet3DConfiguration network = UNet3DConfiguration.FromJson(model);
        if (!root.TryGetProperty("data", out JsonElement data) || data.ValueKind == JsonValueKind.Null)
        {
            return new LatentSyncConfiguration(network);
        }
        ConfigurationReader reader = new(data, "the data section");
        bool Has(string key) => data.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null;
        return new LatentSyncConfiguration(
            network,
            Has("resolution") ? reader.Integer("resolution", 0, 8, 1 << 14) : null,
            Has("num_frames") ? reader.Integer("num_frames", 0, 1, 1 << 16) : null,
            Has("audio_feat_length") ? reader.Integers("audio_feat_length", [], 0, 1000, 2) : null,
            Has("mask_image_path") ? reader.Text("mask_image_path", string.Empty) : null
        );
    }

    private static JsonElement ToJson(string yaml)
    {
        try
        {
            RefuseDepth(yaml);
            YamlStream stream = [];
            stream.Load(new StringReader(yaml));
            if (stream.Documents.Count > 1)
            {
                throw new ModelConfigurationException(
                    $"The configuration holds {stream.Documents.Count} YAML documents; exactly one is required."
                );
            }
            if (stream.Documents.Count == 0)
            {
                return default; // an empty file
            }
            int nodes = 0;
            JsonNode? root = Convert(stream.Documents[0].RootNode, ref nodes);
            return JsonSerializer.SerializeToElement(root);
        }
        catch (YamlException exception)
        {
            throw new ModelConfigurationException(
                $"The configuration is not valid YAML: line {exception.Start.Line}: {exception.Message}",
                exception
            );
        }
    }

    // Before any tree is built: depth is what a recursive reader could be crashed with, aliases what it could be inflated with.
    private static void RefuseDepth(string yaml)
    {
        Parser parser = new(new StringReader(yaml));
        int depth = 0;
        while (parser.MoveNext())
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > MaximumDepth)
            {
                throw new ModelConfigurationException($"The configuration is nested deeper than {MaximumDepth} levels.");
            }
            if (parser.Current is YamlDotNet.Core.Events.AnchorAlias)
            {
                throw new ModelConfigurationException("The configuration uses YAML aliases (*name); write the values out.");
            }
        }
    }

    private static JsonNode? Convert(YamlNode node, ref int nodes)
    {
        if (++nodes > MaximumNodes)
        {
            throw new ModelConfigurationException($"The configuration has more than {MaximumNodes} entries.");
        }
        switch (node)
        {
            case YamlMappingNode mapping:
                JsonObject json = [];
                foreach ((YamlNode key, YamlNode value) in mapping.Children)
                {
                    json[
                        key is YamlScalarNode { Value: { } name }
                            ? name
                            : throw new ModelConfigurationException("The configuration has a key that is no text.")
                    ] = Convert(value, ref nodes);
                }
                return json;
            case YamlSequenceNode sequence:
                JsonArray list = [];
                foreach (YamlNode item in sequence.Children)
                {
                    list.Add(Convert(item, ref nodes));
                }
                return list;
            default:
                return Scalar((YamlScalarNode)node);
        }
    }

    // YAML 1.2's core schema: what the original's loader (OmegaConf) reads; YAML 1.1 would make a text of 1e-5.
    private static JsonNode? Scalar(YamlScalarNode scalar)
    {
        string text = scalar.Value ?? string.Empty;
        if (scalar.Style != ScalarStyle.Plain)
        {
            return JsonValue.Create(text);
        }
        return text switch
        {
            "" or "~" or "null" or "Null" or "NULL" => null,
            "true" or "True" or "TRUE" => JsonValue.Create(true),
            "false" or "False" or "FALSE" => JsonValue.Create(false),
            _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long integer) => JsonValue.Create(
                integer
            ),
            _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) =>
                JsonValue.Create(number),
            _ => JsonValue.Create(text),
        };
    }
}
