namespace LatentSync.Checkpoints.PyTorch;

// What a pickle can build here. None is null; bool, long, BigInteger, double, string and byte[] stand for themselves.

/// <summary>dict and OrderedDict.</summary>
internal sealed class PickleDictionary
{
    public List<KeyValuePair<object?, object?>> Items { get; } = [];
}

/// <summary>list.</summary>
internal sealed class PickleList
{
    public List<object?> Items { get; } = [];
}

/// <summary>tuple and torch.Size.</summary>
internal sealed record PickleTuple(object?[] Items);

/// <summary>A reference to one of the permitted names.</summary>
internal sealed record PickleGlobal(string FullName, TorchCallable Callable, TensorElementType? ElementType = null);

/// <summary>A storage named by a persistent id: ElementCount elements under Key.</summary>
internal sealed record PickleStorage(string Key, TensorElementType ElementType, long ElementCount);

/// <summary>A tensor as a view into a storage; offset and strides in elements. Not yet checked against the storage.</summary>
internal sealed record PickleTensor(PickleStorage Storage, TensorElementType ElementType, long Offset, long[] Shape, long[] Strides);
