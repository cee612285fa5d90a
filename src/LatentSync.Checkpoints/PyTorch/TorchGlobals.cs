using System.Collections.Frozen;
using LatentSync.Foundation.Wording;
using Element = LatentSync.Checkpoints.TensorElementType;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>The only names that a pickle may mention. None of them runs Python code; each has its meaning in
/// <see cref="TorchRebuild"/>.</summary>
internal static class TorchGlobals
{
    /// <summary>Spelling of each element type in the name of its storage class.</summary>
    public static readonly (string Prefix, TensorElementType Type)[] StorageClasses =
    [
        ("Double", Element.Float64),
        ("Float", Element.Float32),
        ("Half", Element.Float16),
        ("BFloat16", Element.BFloat16),
        ("Long", Element.Int64),
        ("Int", Element.Int32),
        ("Short", Element.Int16),
        ("Char", Element.Int8),
        ("Byte", Element.UInt8),
        ("Bool", Element.Bool),
    ];

    private static readonly (string Name, TensorElementType Type)[] ElementTypes =
    [
        ("float64", Element.Float64),
        ("float32", Element.Float32),
        ("float16", Element.Float16),
        ("bfloat16", Element.BFloat16),
        ("int64", Element.Int64),
        ("int32", Element.Int32),
        ("int16", Element.Int16),
        ("int8", Element.Int8),
        ("uint8", Element.UInt8),
        ("bool", Element.Bool),
    ];

    private static readonly FrozenDictionary<string, PickleGlobal> Permitted = Build()
        .ToFrozenDictionary(g => g.FullName, StringComparer.Ordinal);

    /// <summary>Harmless, but without a counterpart here; the message says what they are.</summary>
    private static readonly FrozenDictionary<string, Sentence> Unsupported = new Dictionary<string, Sentence>(StringComparer.Ordinal)
    {
        ["torch._utils._rebuild_sparse_tensor"] = "a sparse tensor",
        ["torch._utils._rebuild_sparse_csr_tensor"] = "a sparse tensor",
        ["torch._utils._rebuild_qtensor"] = "a quantised tensor",
        ["torch._utils._rebuild_meta_tensor_no_storage"] = "a meta tensor (without data)",
        ["torch._utils._rebuild_nested_tensor"] = "a nested tensor",
        ["torch._utils._rebuild_device_tensor_from_numpy"] = "a tensor rebuilt from NumPy data",
        ["torch._utils._rebuild_device_tensor_from_cpu_tensor"] = "a tensor of a foreign device",
        ["torch._utils._rebuild_wrapper_subclass"] = "a tensor of a special class",
        ["torch.complex32"] = "a complex tensor",
        ["torch.complex64"] = "a complex tensor",
        ["torch.complex128"] = "a complex tensor",
        ["torch.uint16"] = "a tensor of unsigned 16-bit integers",
        ["torch.uint32"] = "a tensor of unsigned 32-bit integers",
        ["torch.uint64"] = "a tensor of unsigned 64-bit integers",
        ["torch.float8_e4m3fn"] = "an 8-bit float tensor",
        ["torch.float8_e4m3fnuz"] = "an 8-bit float tensor",
        ["torch.float8_e5m2"] = "an 8-bit float tensor",
        ["torch.float8_e5m2fnuz"] = "an 8-bit float tensor",
        ["torch.ComplexFloatStorage"] = "a complex tensor",
        ["torch.ComplexDoubleStorage"] = "a complex tensor",
        ["torch.QInt8Storage"] = "a quantised tensor",
        ["torch.QInt32Storage"] = "a quantised tensor",
        ["torch.QUInt8Storage"] = "a quantised tensor",
        ["torch.QUInt4x2Storage"] = "a quantised tensor",
        ["torch.QUInt2x4Storage"] = "a quantised tensor",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static PickleGlobal? Find(string fullName) => Permitted.GetValueOrDefault(fullName);

    /// <summary>What a harmless but unsupported name would build, or null for any other name.</summary>
    public static Sentence? DescribeUnsupported(string fullName) => Unsupported.GetValueOrDefault(fullName);

    private static IEnumerable<PickleGlobal> Build()
    {
        yield return new("collections.OrderedDict", TorchCallable.OrderedDictionary);
        yield return new("_codecs.encode", TorchCallable.Encode);
        yield return new("torch.Size", TorchCallable.Size);
        yield return new("torch.device", TorchCallable.Device);
        yield return new("torch._utils._rebuild_tensor", TorchCallable.RebuildTensor);
        yield return new("torch._utils._rebuild_tensor_v2", TorchCallable.RebuildTensorV2);
        yield return new("torch._utils._rebuild_tensor_v3", TorchCallable.RebuildTensorV3);
        yield return new("torch._utils._rebuild_parameter", TorchCallable.RebuildParameter);
        yield return new("torch._utils._rebuild_parameter_with_state", TorchCallable.RebuildParameter);
        yield return new("torch._tensor._rebuild_from_type_v2", TorchCallable.RebuildFromType);
        yield return new("torch.Tensor", TorchCallable.TensorClass);
        yield return new("torch.nn.parameter.Parameter", TorchCallable.TensorClass);
        yield return new("torch.nn.parameter.Buffer", TorchCallable.TensorClass);
        yield return new("torch.storage.UntypedStorage", TorchCallable.Storage);
        yield return new("torch.storage.TypedStorage", TorchCallable.Storage);
        foreach ((string prefix, TensorElementType type) in StorageClasses)
        {
            yield return new($"torch.{prefix}Storage", TorchCallable.Storage, type);
            yield return new($"torch.cuda.{prefix}Storage", TorchCallable.Storage, type);
        }
        foreach ((string name, TensorElementType type) in ElementTypes)
        {
            yield return new($"torch.{name}", TorchCallable.None, type);
        }
    }
}
