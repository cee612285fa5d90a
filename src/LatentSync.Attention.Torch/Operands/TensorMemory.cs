using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Devices;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operands;

/// <summary>Tensors in main memory as the managed kernels see them: address and strides. The tensors must be kept alive
/// meanwhile.</summary>
internal static unsafe class TensorMemory
{
    // TorchSharp tells an address through public members for contiguous tensors only. The function of its bridge behind them does not care
    // about strides, and needs no view made first.
    private static readonly delegate* unmanaged<nint, nint> Data = NativeLibrary.TryGetExport(
        TorchRuntime.EnsureLoaded().BridgeHandle,
        "THSTensor_data",
        out nint function
    )
        ? (delegate* unmanaged<nint, nint>)function
        : null;

    /// <summary>An operand.</summary>
    /// <param name="tensor">(B, H, L, D), any strides.</param>
    /// <param name="dtype">Its element type.</param>
    internal static FlashOperand Of(Tensor tensor, AttentionDType dtype) =>
        new(Address(tensor), dtype, (nint)tensor.stride(0), (nint)tensor.stride(1), (nint)tensor.stride(2), (nint)tensor.stride(3));

    /// <summary>A mask.</summary>
    /// <param name="mask">(1 or B, 1 or H, 1 or Lq, 1 or Lk), any strides.</param>
    /// <param name="facts">What is known of it.</param>
    internal static FlashMask OfMask(Tensor mask, AttentionMask facts)
    {
        return new FlashMask(Address(mask), facts.Kind, facts.DType, Stride(0), Stride(1), Stride(2), Stride(3));

        nint Stride(int dimension) => mask.size(dimension) == 1 ? 0 : (nint)mask.stride(dimension);
    }

    /// <summary>A new tensor (B, H, L, D), not filled.</summary>
    /// <param name="batch">Sequences.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="length">Positions.</param>
    /// <param name="dim">Elements of a vector.</param>
    /// <param name="dtype">Element type.</param>
    /// <param name="isLengthFirst">In memory (B, L, H, D), as projections write and read it.</param>
    internal static Tensor New(long batch, long heads, long length, long dim, ScalarType dtype, bool isLengthFirst)
    {
        if (!isLengthFirst)
        {
            return empty([batch, heads, length, dim], dtype);
        }
        using Tensor whole = empty([batch, length, heads, dim], dtype);
        return whole.transpose(1, 2);
    }

    /// <summary>A new tensor of another's size, type and order in memory, not filled.</summary>
    internal static Tensor NewLike(Tensor tensor) =>
        New(tensor.size(0), tensor.size(1), tensor.size(2), tensor.size(3), tensor.dtype, tensor.stride(1) < tensor.stride(2));

    /// <summary>Address of element (0, ..., 0); 0 for an empty tensor.</summary>
    internal static nint Address(Tensor tensor) =>
        tensor.numel() == 0 ? 0
        : Data is not null ? Data(tensor.Handle)
        : AddressOfView(tensor);

    /// <summary>The public way, for a bridge that names its function otherwise.</summary>
    internal static nint AddressOfView(Tensor tensor)
    {
        using Tensor first = tensor.as_strided([1], [1], tensor.storage_offset());
        return (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }
}
