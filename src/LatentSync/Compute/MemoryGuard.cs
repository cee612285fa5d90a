using LatentSync.Attention.Machines;
using LatentSync.Foundation.Wording;
using LatentSync.Models.UNets;
using LatentSync.Platform.Machines;
using TorchSharp;

namespace LatentSync.Compute;

/// <summary>Says before the work begins when the networks cannot fit into memory.</summary>
public static class MemoryGuard
{
    private const double GiB = 1024.0 * 1024 * 1024;

    // Autoencoder, Whisper, activations of a chunk in slices, frames: measured with the full-size network at 256 pixels.
    private const double BesidesTheUNet = 2 * GiB;
    private const int MeasuredResolution = 256;

    /// <summary>Throws when the networks, in the chosen element type, exceed the free memory of the device.</summary>
    /// <exception cref="InsufficientMemoryException">States both sizes and what to do.</exception>
    internal static void Check(SyncSettings settings, ComputePlan plan, MachineExamination machine)
    {
        long weights = UNet3DConditionModel.CountParameterBytes(settings.Configuration!.Model, plan.DType);
        double scale = Scale(settings.Resolution);
        // A small network needs little besides; a full-size one the measured amount.
        double needed = weights + Math.Min(weights, BesidesTheUNet) * scale;
        if (FreeBytes(plan, machine) is { } free && needed > free)
        {
            Sentence remedy =
                plan.DType == torch.ScalarType.Float32
                    ? "use ⟦DType bf16⟧ (half the memory for weights), close other programs, lower ⟦Resolution⟧, or use another device"
                    : "close other programs, lower ⟦Resolution⟧, or use another device";
            throw new InsufficientMemoryException(
                Sentence.Say(
                    $"The model needs about {needed / GiB:0.0} GiB in {plan.DTypeName} on {plan.Device.type.ToString().ToLowerInvariant()}, but {free / GiB:0.0} GiB are free: {remedy}."
                )
            );
        }
    }

    /// <summary>What a run with full-size networks takes besides the weights of the UNet, in bytes.</summary>
    public static long BytesBesidesTheUNet(int resolution) => (long)(BesidesTheUNet * Scale(resolution));

    private static double Scale(int resolution) => Math.Pow(resolution / (double)MeasuredResolution, 2);

    private static long? FreeBytes(ComputePlan plan, MachineExamination machine)
    {
        if (plan.Device.type == DeviceType.CUDA)
        {
            GpuInfo? gpu = machine.Machine.Gpus.Skip(Math.Max(plan.Device.index, 0)).FirstOrDefault();
            return gpu?.FreeBytes ?? gpu?.MemoryBytes;
        }
        return machine.Memory?.AvailableBytes ?? (machine.Machine.MemoryBytes > 0 ? machine.Machine.MemoryBytes : null);
    }
}
