using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace LatentSync.Models.Loading;

/// <summary>Reads a YAML configuration (JSON is YAML too) into JSON: bounded in size, depth and entries, without aliases and tags.</summary>
internal static class YamlDocument
{
    // The original's files have 3 kB and a depth of 3.
    private const int MaximumBytes = 1 << 20;
    private const int MaximumDepth = 32;
    private const int MaximumNodes = 10_000;

    /// <summary>The text of a configuration file.</summary>
    /// <exception cref="ModelConfigurationException">The file is missing, too large or not readable.</exception>
    public static string ReadText(string path)
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
            return File.ReadAllText(path, Encoding.UTF8);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelConfigurationException($"The configuration file {path} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>YAML to JSON; an empty text gives an undefined element.</summary>
    /// <exception cref="ModelConfigurationException">The text is not YAML, or exceeds a bound.</exception>
    public static JsonElement ToJson(string yaml)
    {
        if (yaml.Length > MaximumBytes)
        {
            throw new ModelConfigurationException($"The configuration has {yaml.Length} characters; at most {MaximumBytes} are expected.");
        }
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
