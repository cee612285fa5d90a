using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Lab.Verification;

/// <summary>Memory as in a program at work. After <see cref="PeakMemory"/> the C library has given all free memory back, and a young
/// process never had any: whoever comes first would pay for the system clearing its pages, which can take longer than the attention
/// itself.</summary>
internal static class WarmHeap
{
    private const long Largest = 1L << 30,
        Block = 64L << 20;

    /// <summary>Operands, gradients, a result and as much again for what lies between them.</summary>
    private const int Copies = 4;

    /// <summary>Takes several times the operands' memory from the heap, writes to it and frees it: at most 1 GiB. On the CPU only, and only
    /// where the heap keeps what is freed (LATENTSYNC_HEAP): elsewhere each call pays the system, in a program at work too.</summary>
    /// <param name="inputs">What is going to be computed.</param>
    internal static void Prepare(AttentionInputs inputs)
    {
        if (inputs.Query.device_type != TorchSharp.DeviceType.CPU)
        {
            return;
        }
        long bytes = Math.Min(Copies * (Bytes(inputs.Query) + Bytes(inputs.Key) + Bytes(inputs.Value)), Largest);
        using var scope = NewDisposeScope();
        for (; bytes > 0; bytes -= Block)
        {
            _ = zeros([Math.Min(bytes, Block)], ScalarType.Byte);
        }
    }

    private static long Bytes(Tensor tensor) => tensor.numel() * tensor.element_size();
}
