using System.Globalization;
using System.Numerics;
using LatentSync.Checkpoints.Files;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>Turns nested dictionaries and lists into one level of names joined with dots: tensors on one side, texts on the
/// other.</summary>
/// <remarks>Recursion is bounded by <see cref="PickleLimits.Depth"/>, so that a structure that contains itself ends in an error.</remarks>
internal sealed class PickleFlattener
{
    private readonly CheckpointFile _file;
    private readonly PickleLimits _limits;
    private readonly Dictionary<string, PickleTensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private int _nodes;
    private long _textLength;

    private PickleFlattener(CheckpointFile file, PickleLimits limits)
    {
        _file = file;
        _limits = limits;
    }

    /// <summary>Flattens what a pickle has built. A tensor that stands alone is called "tensor".</summary>
    public static (IReadOnlyDictionary<string, PickleTensor> Tensors, IReadOnlyDictionary<string, string> Metadata) Flatten(
        CheckpointFile file,
        object? root,
        PickleLimits limits
    )
    {
        PickleFlattener flattener = new(file, limits);
        if (root is PickleDictionary or PickleList or PickleTuple)
        {
            flattener.Visit(root, null, 0);
        }
        else if (root is PickleTensor)
        {
            flattener.Visit(root, "tensor", 0);
        }
        else
        {
            throw file.Refuse($"the checkpoint holds {TorchRebuild.Describe(root)}; a dictionary of tensors is required");
        }
        return (flattener._tensors, flattener._metadata);
    }

    private void Visit(object? value, string? name, int depth)
    {
        if (++_nodes > _limits.Nodes)
        {
            throw _file.Refuse($"the checkpoint holds more than {_limits.Nodes} values");
        }
        if (depth > _limits.Depth)
        {
            throw _file.Refuse(
                $"dictionaries or lists are nested deeper than {_limits.Depth}, or contain themselves, at {CheckpointFormatException.Quote(name ?? "")}"
            );
        }
        switch (value)
        {
            case PickleDictionary dictionary:
                foreach ((object? key, object? item) in dictionary.Items)
                {
                    Visit(item, Join(name, KeyText(key, name)), depth + 1);
                }
                break;
            case PickleList list:
                VisitItems(list.Items, name, depth);
                break;
            case PickleTuple tuple:
                VisitItems(tuple.Items, name, depth);
                break;
            case PickleTensor tensor:
                Add(_tensors, name!, tensor);
                break;
            default:
                Add(_metadata, name!, LeafText(value, name!));
                break;
        }
    }

    private void VisitItems(IReadOnlyList<object?> items, string? name, int depth)
    {
        for (int i = 0; i < items.Count; i++)
        {
            Visit(items[i], Join(name, i.ToString(CultureInfo.InvariantCulture)), depth + 1);
        }
    }

    private void Add<TValue>(Dictionary<string, TValue> target, string name, TValue value)
    {
        if (_tensors.ContainsKey(name) || _metadata.ContainsKey(name))
        {
            throw _file.Refuse(
                $"two values are both called {CheckpointFormatException.Quote(name)} when nested names are joined with dots"
            );
        }
        target.Add(name, value);
    }

    private string Join(string? prefix, string key)
    {
        if (key.Length + (prefix?.Length ?? 0) >= _limits.NameLength)
        {
            throw _file.Refuse($"a name is longer than {_limits.NameLength} characters: {CheckpointFormatException.Quote(prefix ?? key)}");
        }
        return Charged(prefix is null ? key : $"{prefix}.{key}");
    }

    private string KeyText(object? key, string? name) =>
        key switch
        {
            string text => text,
            long or BigInteger or bool or double or null => LeafText(key, name ?? ""),
            _ => throw _file.Refuse($"a dictionary has {TorchRebuild.Describe(key)} as a key; text or a number is required"),
        };

    /// <summary>Python's spelling of a value; text and bytes (as Latin-1 text) without quotes.</summary>
    private string LeafText(object? value, string name) =>
        value switch
        {
            null => "None",
            bool flag => flag ? "True" : "False",
            string text => text,
            long number => Charged(number.ToString(CultureInfo.InvariantCulture)),
            BigInteger number => Charged(number.ToString(CultureInfo.InvariantCulture)),
            double number => Charged(FloatText(number)),
            byte[] bytes => Charged(System.Text.Encoding.Latin1.GetString(bytes)),
            PickleGlobal global => global.FullName,
            _ => throw _file.Refuse(
                $"{CheckpointFormatException.Quote(name)} is {TorchRebuild.Describe(value)}; a tensor, a number or text is required"
            ),
        };

    private static string FloatText(double number) =>
        number switch
        {
            double.NaN => "nan",
            double.PositiveInfinity => "inf",
            double.NegativeInfinity => "-inf",
            _ => number.ToString("R", CultureInfo.InvariantCulture),
        };

    private string Charged(string text)
    {
        _textLength += text.Length;
        return _textLength <= _limits.TextLength
            ? text
            : throw _file.Refuse($"names and values together exceed {_limits.TextLength} characters");
    }
}
