using LatentSync.Checkpoints.Files;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>Where the bytes of a storage lie in the file.</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes.</param>
internal readonly record struct TorchStorageRange(long Offset, long Length);

/// <summary>Checks every tensor against its storage and turns it into a position in the file.</summary>
internal static class TorchStorageMap
{
    /// <summary>
    /// A view may show the same element many times (expand); without a bound, a file of 1 KiB could ask its reader for exabytes.
    /// </summary>
    private const long MaxRepeatedElements = 65_536;

    /// <exception cref="CheckpointFormatException">A tensor reaches beyond its storage, or the storage is missing or has another
    /// size.</exception>
    public static StoredTensor Locate(CheckpointFile file, string name, PickleTensor tensor, Func<PickleStorage, TorchStorageRange?> find)
    {
        PickleStorage storage = tensor.Storage;
        string key = CheckpointFormatException.Quote(storage.Key);
        TorchStorageRange range = find(storage) ?? throw file.Refuse($"its storage {key} is not in the file", name);
        long required = storage.ElementCount * storage.ElementType.SizeInBytes();
        if (range.Length != required)
        {
            throw file.Refuse(
                $"its storage {key} has {range.Length} bytes; {storage.ElementCount} elements of {storage.ElementType} take {required}",
                name
            );
        }
        string shape = $"({string.Join(", ", tensor.Shape)})";
        long count = TensorInfo.CountElements(tensor.Shape) ?? throw file.Refuse($"the product of its shape {shape} exceeds 64 bits", name);

        int elementSize = tensor.ElementType.SizeInBytes();
        long available = range.Length / elementSize;
        Int128 reach = tensor.Offset;
        for (int axis = 0; axis < tensor.Shape.Length && count > 0; axis++)
        {
            // At most 32 products of 126 bits could exceed Int128: the sum is checked at each step.
            reach += (Int128)(tensor.Shape[axis] - 1) * tensor.Strides[axis];
            if (reach >= available)
            {
                break;
            }
        }
        if (count > 0 ? reach >= available : reach > available)
        {
            throw file.Refuse(
                $"shape {shape} with strides ({string.Join(", ", tensor.Strides)}) from element {tensor.Offset} "
                    + $"reaches beyond its storage {key} of {available} elements",
                name
            );
        }
        if (count > available && count > MaxRepeatedElements)
        {
            throw file.Refuse(
                $"shape {shape} repeats the {available} elements of its storage {key}",
                name,
                "Save it again after tensor.contiguous()"
            );
        }
        TensorInfo info = new(name, tensor.ElementType, tensor.Shape);
        return new StoredTensor(
            info,
            range.Offset + (tensor.Offset * elementSize),
            IsContiguous(tensor.Shape, tensor.Strides) ? null : tensor.Strides
        );
    }

    private static bool IsContiguous(long[] shape, long[] strides)
    {
        long expected = 1;
        for (int axis = shape.Length - 1; axis >= 0; axis--)
        {
            if (shape[axis] != 1 && strides[axis] != expected)
            {
                return false;
            }
            expected *= Math.Max(1, shape[axis]);
        }
        return true;
    }
}
