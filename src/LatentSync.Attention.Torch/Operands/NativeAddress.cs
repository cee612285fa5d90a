using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operands;

/// <summary>Where a tensor's first element lies in main memory. TorchSharp tells it through public members for contiguous tensors only; the
/// function of its bridge behind them does not care about strides, and needs no view made first.</summary>
internal static unsafe class NativeAddress
{
    private static readonly delegate* unmanaged<nint, nint> Data = Find();

    /// <summary>Address of element (0, ..., 0); it holds while the tensor is alive.</summary>
    /// <param name="tensor">On the CPU, not empty.</param>
    internal static nint Of(Tensor tensor) => Data is not null ? Data(tensor.Handle) : OfView(tensor);

    /// <summary>The public way, for a bridge that names its function otherwise.</summary>
    internal static nint OfView(Tensor tensor)
    {
        using Tensor first = tensor.as_strided([1], [1], tensor.storage_offset());
        return (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(first.bytes));
    }

    private static delegate* unmanaged<nint, nint> Find() =>
        NativeLibrary.TryGetExport(TorchRuntime.EnsureLoaded().BridgeHandle, "THSTensor_data", out nint function)
            ? (delegate* unmanaged<nint, nint>)function
            : null;
}
