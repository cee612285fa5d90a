using System.Text.Json;
using System.Text.Json.Nodes;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using SharpYaml;
using SharpYaml.Events;

namespace LatentSync.Models.Loading;

/// <summary>Reads a YAML configuration (JSON is YAML too) into JSON as PyYAML would read it: bounded in size, depth and entries, aliases
/// and merge keys written out. The one place where YAML is read.</summary>
/// <remarks>Stricter than PyYAML in one thing: a key that stands twice is refused, as the original's loader (OmegaConf) does.</remarks>
internal sealed class YamlDocument
{
    // The original's files have 3 kB and a depth of 3.
    private const int MaximumBytes = 1 << 20;
    private const int MaximumDepth = 32;
    private const int MaximumNodes = 10_000;
    private const string MergeKey = "<<";

    private readonly string _text;
    private readonly IParser _parser;
    private readonly Dictionary<string, JsonNode?> _anchors = new(StringComparer.Ordinal);
    private int _nodes;

    private YamlDocument(string text)
    {
        _text = text;
        _parser = Parser.CreateParser(new StringReader(text));
    }

    /// <summary>The text of a configuration file.</summary>
    /// <exception cref="ModelConfigurationException">The file is missing, no ordinary file, too large or no Unicode text.</exception>
    public static string ReadText(string path)
    {
        try
        {
            return InputFile.ReadAllText(path, MaximumBytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelConfigurationException($"The configuration file {path} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>YAML to JSON; an empty text gives an undefined element.</summary>
    /// <exception cref="ModelConfigurationException">The text is not YAML, or exceeds a bound; says where.</exception>
    public static JsonElement ToJson(string yaml)
    {
        ArgumentNullException.ThrowIfNull(yaml);
        if (yaml.Length > MaximumBytes)
        {
            throw new ModelConfigurationException($"The configuration has {yaml.Length} characters; at most {MaximumBytes} are expected.");
        }
        string text = yaml.StartsWith('\uFEFF') ? yaml[1..] : yaml;
        YamlDocument document = new(text);
        document.RequireText();
        return document.Read();
    }

    // A NUL would end the scanner's text early, so that the rest of the file would be dropped without a word.
    private void RequireText()
    {
        for (int i = 0; i < _text.Length; i++)
        {
            char c = _text[i];
            bool isPair = char.IsHighSurrogate(c) && i + 1 < _text.Length && char.IsLowSurrogate(_text[i + 1]);
            if (isPair)
            {
                i++;
            }
            else if (char.IsSurrogate(c) || (char.IsControl(c) && c is not ('\t' or '\n' or '\r' or '\u0085')) || c is '\uFFFE' or '\uFFFF')
            {
                throw Invalid(i, $"the character U+{(int)c:X4} is not allowed");
            }
        }
    }

    private JsonElement Read()
    {
        Advance(); // the stream's start
        if (Advance() is not DocumentStart)
        {
            return default; // an empty file
        }
        Advance();
        JsonNode? root = Node(depth: 0);
        Advance(); // the document's end
        if (Advance() is DocumentStart second)
        {
            throw Refused(second, "a second YAML document begins; a configuration must be a single document");
        }
        return JsonSerializer.SerializeToElement(root);
    }

    private ParsingEvent? Advance()
    {
        try
        {
            return _parser.MoveNext() ? _parser.Current : null;
        }
        catch (YamlException exception)
        {
            // "(Lin: 0, Col: 3, Chr: 3) - (Lin: 0, Col: 4, Chr: 4): While scanning ..."
            string message = exception.Message;
            int end = message.StartsWith('(') ? message.IndexOf("): ", StringComparison.Ordinal) : -1;
            string problem = (end < 0 ? message : message[(end + 3)..]).TrimEnd('.');
            throw Invalid(exception.Start.Index, problem, exception);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // Whatever else the library stumbles over is the text's fault, not the program's.
            throw Invalid(_parser.Current?.End.Index ?? 0, "it cannot be parsed from here on", exception);
        }
    }

    // On entry the parser stands on the node's first event, on return on its last.
    private JsonNode? Node(int depth)
    {
        ParsingEvent start = _parser.Current!;
        if (++_nodes > MaximumNodes)
        {
            throw Refused(start, $"it has more than {MaximumNodes} entries");
        }
        if (start is AnchorAlias alias)
        {
            return Copy(alias);
        }
        if (depth > MaximumDepth)
        {
            throw Refused(start, $"it is nested deeper than {MaximumDepth} levels");
        }
        JsonNode? node = start switch
        {
            MappingStart mapping => Mapping(mapping, depth),
            SequenceStart sequence => Sequence(sequence, depth),
            Scalar scalar => YamlScalars.ToJson(scalar) is { IsKnown: true } typed
                ? typed.Value
                : throw Refused(start, $"\"{Shorten(scalar.Value)}\" does not have the type of its tag {Shorten(scalar.Tag)}"),
            _ => throw Refused(start, "a value is required here"),
        };
        if (((NodeEvent)start).Anchor is { Length: > 0 } anchor)
        {
            _anchors[anchor] = node;
        }
        return node;
    }

    private JsonObject Mapping(MappingStart start, int depth)
    {
        RequireTag(start, "tag:yaml.org,2002:map");
        JsonObject json = [];
        List<JsonObject> merged = [];
        for (ParsingEvent? at = Advance(); at is not MappingEnd; at = Advance())
        {
            string key = Key(at!, out bool isMerge);
            Advance();
            if (isMerge)
            {
                merged.AddRange(Merged(at!, Node(depth + 1)));
            }
            else if (!json.TryAdd(key, Node(depth + 1)))
            {
                throw Refused(at!, $"the key \"{Shorten(key)}\" occurs twice");
            }
        }
        foreach ((string key, JsonNode? value) in merged.SelectMany(source => source))
        {
            if (!json.ContainsKey(key))
            {
                json.Add(key, Clone(start, value)); // a mapping's own keys count before merged ones
            }
        }
        return json;
    }

    private JsonArray Sequence(SequenceStart start, int depth)
    {
        RequireTag(start, "tag:yaml.org,2002:seq");
        JsonArray list = [];
        while (Advance() is not SequenceEnd)
        {
            list.Add(Node(depth + 1));
        }
        return list;
    }

    private string Key(ParsingEvent at, out bool isMerge)
    {
        Scalar? scalar = at as Scalar;
        isMerge = scalar is { Value: MergeKey, Style: ScalarStyle.Plain };
        if (scalar is not null && YamlScalars.ToJson(scalar).IsKnown)
        {
            if (scalar.Anchor is { Length: > 0 } anchor)
            {
                _anchors[anchor] = JsonValue.Create(scalar.Value);
            }
            return scalar.Value;
        }
        return at is AnchorAlias alias && Copy(alias) is JsonValue value ? value.ToString() : throw Refused(at, "a key must be text");
    }

    private IEnumerable<JsonObject> Merged(ParsingEvent key, JsonNode? value) =>
        value switch
        {
            JsonObject one => [one],
            JsonArray many when many.All(item => item is JsonObject) => many.Cast<JsonObject>(),
            _ => throw Refused(key, $"a mapping, or a list of mappings, is required at {MergeKey}"),
        };

    private JsonNode? Copy(AnchorAlias alias) =>
        _anchors.TryGetValue(alias.Value, out JsonNode? node)
            ? Clone(alias, node)
            : throw Refused(alias, $"the alias *{Shorten(alias.Value)} refers to an anchor that is not defined before it");

    // Counted, so that aliases of aliases cannot multiply without bound.
    private JsonNode? Clone(ParsingEvent at, JsonNode? node)
    {
        _nodes += Count(node);
        return _nodes <= MaximumNodes
            ? node?.DeepClone()
            : throw Refused(at, $"it has more than {MaximumNodes} entries with its aliases written out");
    }

    private static int Count(JsonNode? node) =>
        1
        + node switch
        {
            JsonObject json => json.Sum(entry => Count(entry.Value)),
            JsonArray list => list.Sum(Count),
            _ => 0,
        };

    private void RequireTag(NodeEvent node, string expected)
    {
        if (node.Tag is { Length: > 0 } tag && tag != "!" && tag != expected)
        {
            throw Refused(node, $"the tag {Shorten(tag)} is not supported");
        }
    }

    private ModelConfigurationException Refused(ParsingEvent at, Sentence problem) =>
        new($"The configuration cannot be read: {Place(at.Start.Index)}: {problem}.");

    private ModelConfigurationException Invalid(int index, Sentence problem, Exception? cause = null) =>
        new($"The configuration is not valid YAML: {Place(index)}: {problem}.", cause);

    private Sentence Place(int index)
    {
        ReadOnlySpan<char> before = _text.AsSpan(0, Math.Clamp(index, 0, _text.Length));
        int line = 1 + before.Count('\n'),
            column = 1 + before.Length - (before.LastIndexOf('\n') + 1);
        return $"line {line}, column {column}";
    }

    private static string Shorten(string? text) =>
        text is null ? ""
        : text.Length <= 60 ? text
        : text[..57] + "...";
}
