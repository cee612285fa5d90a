using LatentSync.Foundation.Wording;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>What the permitted names do when a pickle calls them: they describe tensors, sizes and dictionaries.</summary>
internal sealed class TorchRebuild
{
    private const string SaveStateOnly = "Save only tensors, numbers and text: torch.save(model.state_dict(), path)";

    private readonly Refusal _refuse;
    private readonly Action<long> _charge;
    private readonly PickleLimits _limits;
    private long _encodedBytes;

    /// <param name="refuse">Makes the exception for the current place in the pickle.</param>
    /// <param name="charge">Counts items that are copied, and throws when there are too many.</param>
    /// <param name="limits">Bounds.</param>
    public TorchRebuild(Refusal refuse, Action<long> charge, PickleLimits limits)
    {
        _refuse = refuse;
        _charge = charge;
        _limits = limits;
    }

    /// <summary>Makes the exception for a problem, with a remedy and a cause where there are any.</summary>
    public delegate CheckpointFormatException Refusal(Sentence problem, Sentence? remedy = null, Exception? inner = null);

    /// <summary>A permitted name.</summary>
    /// <exception cref="CheckpointFormatException">Any other name.</exception>
    public PickleGlobal FindGlobal(string module, string name)
    {
        string fullName = $"{module}.{name}";
        if (TorchGlobals.Find(fullName) is { } permitted)
        {
            return permitted;
        }
        string quoted = CheckpointFormatException.Quote(fullName).Trim('"');
        throw TorchGlobals.DescribeUnsupported(fullName) is { } kind
            ? _refuse($"the file holds {kind} ({quoted}), which is not read here", "Convert it to a dense float tensor and save again")
            : _refuse(
                $"the pickle refers to {quoted}; only names that rebuild tensors are permitted, and nothing was executed",
                SaveStateOnly
            );
    }

    /// <summary>("storage", class, key, location, element count[, view]): the storage that a persistent id names.</summary>
    public PickleStorage LoadPersistent(object? id)
    {
        if (
            id
                is not PickleTuple
                {
                    Items: ["storage", PickleGlobal { Callable: TorchCallable.Storage } type, string key, string, long count, .. var view]
                }
            || view is not ([] or [null])
        )
        {
            throw _refuse($"the pickle refers to {Describe(id)} outside of it; only ('storage', class, key, location, count) is permitted");
        }
        bool isUntyped = type.FullName == "torch.storage.UntypedStorage";
        TensorElementType elementType = isUntyped
            ? TensorElementType.UInt8
            : type.ElementType
                ?? throw _refuse($"storage {CheckpointFormatException.Quote(key)} is a {type.FullName} without element type");
        return count >= 0 && count <= long.MaxValue / 8
            ? new PickleStorage(key, elementType, count)
            : throw _refuse($"storage {CheckpointFormatException.Quote(key)} claims {count} elements");
    }

    /// <summary>The result of calling a permitted name.</summary>
    public object Call(object? function, object? arguments)
    {
        if (
            function is not PickleGlobal { Callable: not (TorchCallable.None or TorchCallable.Storage or TorchCallable.TensorClass) } global
            || arguments is not PickleTuple tuple
        )
        {
            throw _refuse(
                $"the pickle calls {Describe(function)} with {Describe(arguments)}, which is not permitted; nothing was executed",
                SaveStateOnly
            );
        }
        object?[] items = tuple.Items;
        return (global.Callable, items) switch
        {
            (TorchCallable.OrderedDictionary, []) => new PickleDictionary(),
            (TorchCallable.OrderedDictionary, [PickleList pairs]) => FillDictionary(pairs),
            (TorchCallable.Size, [PickleTuple sizes]) => sizes,
            (TorchCallable.Device, [string device]) => device,
            (TorchCallable.Device, [string device, long index]) => $"{device}:{index}",
            (TorchCallable.Encode, [string text, "latin1" or "latin-1"]) => Encode(text),
            (TorchCallable.RebuildTensor, [PickleStorage storage, long offset, PickleTuple shape, PickleTuple strides]) => Tensor(
                storage,
                storage.ElementType,
                offset,
                shape,
                strides
            ),
            (TorchCallable.RebuildTensorV2, [PickleStorage storage, long offset, PickleTuple shape, PickleTuple strides, bool, _, ..]) =>
                Tensor(storage, storage.ElementType, offset, shape, strides),
            (
                TorchCallable.RebuildTensorV3,
                [
                    PickleStorage storage,
                    long offset,
                    PickleTuple shape,
                    PickleTuple strides,
                    bool,
                    _,
                    PickleGlobal { Callable: TorchCallable.None, ElementType: { } type },
                    ..,
                ]
            ) => Tensor(storage, type, offset, shape, strides),
            (TorchCallable.RebuildParameter, [PickleTensor tensor, bool, _, ..]) => tensor,
            (
                TorchCallable.RebuildFromType,
                [PickleGlobal inner, PickleGlobal { Callable: TorchCallable.TensorClass }, PickleTuple innerArguments, _]
            ) when inner.Callable != TorchCallable.RebuildFromType => Call(inner, innerArguments),
            _ => throw _refuse(
                $"the pickle calls {global.FullName} with arguments that it does not take ({string.Join(", ", items.Take(8).Select(Describe))})"
            ),
        };
    }

    /// <summary>A value in words for messages; never its content, which may be huge.</summary>
    public static Sentence Describe(object? value) =>
        value switch
        {
            null => "None",
            bool => "a bool",
            string text => (Sentence)$"the string {CheckpointFormatException.Quote(text)}",
            byte[] => "a byte string",
            double => "a float",
            PickleDictionary => "a dictionary",
            PickleList => "a list",
            PickleTuple tuple => (Sentence)$"a tuple of {tuple.Items.Length}",
            PickleGlobal global => global.FullName,
            PickleStorage storage => (Sentence)$"storage {CheckpointFormatException.Quote(storage.Key)}",
            PickleTensor => "a tensor",
            _ => "an integer",
        };

    private PickleTensor Tensor(PickleStorage storage, TensorElementType type, long offset, PickleTuple shape, PickleTuple strides)
    {
        if (shape.Items.Length > TensorInfo.MaxRank || strides.Items.Length != shape.Items.Length)
        {
            throw _refuse(
                $"a tensor has {shape.Items.Length} sizes and {strides.Items.Length} strides; as many of each, at most {TensorInfo.MaxRank}, are required"
            );
        }
        _charge(shape.Items.Length);
        return new PickleTensor(storage, type, NotNegative(offset, "offset"), NotNegative(shape, "size"), NotNegative(strides, "stride"));
    }

    private long[] NotNegative(PickleTuple numbers, string what) => [.. numbers.Items.Select(n => NotNegative(n, what))];

    private long NotNegative(object? number, string what) =>
        number is long and >= 0
            ? (long)number
            : throw _refuse(
                $"a tensor's {what} is {(number is long n ? (object)n : Describe(number))}; a number from 0 to {long.MaxValue} is required"
            );

    private PickleDictionary FillDictionary(PickleList pairs)
    {
        _charge(pairs.Items.Count);
        PickleDictionary dictionary = new();
        foreach (object? pair in pairs.Items)
        {
            dictionary.Items.Add(
                pair switch
                {
                    PickleTuple { Items: [var key, var value] } => new(key, value),
                    PickleList { Items: [var key, var value] } => new(key, value),
                    _ => throw _refuse($"an OrderedDict is made from {Describe(pair)}; pairs are required"),
                }
            );
        }
        return dictionary;
    }

    private byte[] Encode(string text)
    {
        _encodedBytes += text.Length;
        if (_encodedBytes > _limits.StringBytes)
        {
            throw _refuse($"the pickle encodes more than {_limits.StringBytes} bytes");
        }
        byte[] bytes = new byte[text.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = text[i] <= byte.MaxValue ? (byte)text[i] : throw _refuse("a byte string holds a character beyond Latin-1");
        }
        return bytes;
    }
}
