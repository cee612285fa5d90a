using System.Globalization;
using LatentSync.Attention.Selection;
using LatentSync.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Pipelines;

/// <summary>Says before the work begins when the networks cannot fit into memory.</summary>
internal static class MemoryGuard
{
    private const double GiB = 1024.0 * 1024 * 1024;

    // Autoencoder, Whisper, activations of a chunk in slices, frames: measured with the full-size network at 256 pixels.
    private const long BesidesTheUNet = 2L << 30;

    /// <summary>Throws when the weights alone, in the chosen element type, exceed the memory of the device.</summary>
    /// <exception cref="InsufficientMemoryException">States both sizes and what to do.</exception>
    public static void CheckWeights(TensorArchive unet, ComputePlan plan, Machine machine)
    {
        long elementSize = plan.DType is ScalarType.Float16 or ScalarType.BFloat16 ? 2 : plan.DType is ScalarType.Float64 ? 8 : 4;
        long needed = unet.Tensors.Values.Where(t => t.ElementType is not TensorElementType.Int64).Sum(t => t.ElementCount) * elementSize;
        long present =
            plan.Device.type == DeviceType.CUDA
                ? machine.Gpus.Skip(Math.Max(plan.Device.index, 0)).FirstOrDefault() is { } gpu ? gpu.FreeBytes ?? gpu.MemoryBytes : long.MaxValue
                : machine.MemoryBytes;
        // A small network needs little besides; a full-size one the measured amount.
        long total = needed + Math.Min(needed, BesidesTheUNet);
        if (present > 0 && total > present)
        {
            string smaller = plan.DType == ScalarType.Float32 ? "use --dtype bf16 (half of it), " : string.Empty;
            throw new InsufficientMemoryException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The network needs about {total / GiB:0.0} GiB in {plan.DTypeName} on {plan.Device.type.ToString().ToLowerInvariant()}, but {present / GiB:0.0} GiB are there: {smaller}another device, or a machine with more memory."
                )
            );
        }
    }
}
