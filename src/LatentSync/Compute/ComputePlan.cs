using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Foundation.Options;
using LatentSync.Foundation.Wording;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Compute;

/// <summary>Device and element type of the networks, and why.</summary>
/// <param name="Device">Where the networks run.</param>
/// <param name="DType">Element type of weights and activations.</param>
/// <param name="Reason">Why this element type, in a few words.</param>
public sealed record ComputePlan(Device Device, ScalarType DType, string Reason)
{
    /// <summary>What the user should know of the choice; null (default) for nothing.</summary>
    public string? Note { get; init; }

    /// <summary>Name of <see cref="DType"/> as on the command line.</summary>
    public string DTypeName =>
        DType switch
        {
            ScalarType.Float16 => "f16",
            ScalarType.BFloat16 => "bf16",
            ScalarType.Float64 => "f64",
            _ => "f32",
        };

    /// <summary>Chooses. libtorch must be loaded.</summary>
    /// <param name="device">"auto", "cpu", "cuda", "cuda:N" or "mps".</param>
    /// <param name="dtype">"auto", "f32", "f16" or "bf16".</param>
    /// <param name="machine">The machine, for the GPU's compute capability.</param>
    /// <exception cref="SyncOptionsException">An unknown name.</exception>
    /// <exception cref="DeviceUnavailableException">A device that this machine or its libtorch does not have.</exception>
    public static ComputePlan Choose(string device, string dtype, Machine machine)
    {
        Device chosen = ChooseDevice(device, machine);
        (ScalarType type, string reason) = DTypes.All.Value(dtype) is { } asked
            ? (asked, Sentence.Say("as requested"))
            : Automatic(
                chosen,
                machine,
                device == "auto" ? DeviceChoice.DeviceOf(machine, seesCuda: true).Index : Math.Max(chosen.index, 0)
            );
        return new ComputePlan(chosen, type, reason) { Note = chosen.type == DeviceType.CPU ? SlowOnCpu(type, machine) : null };
    }

    /// <summary>Half precision saves memory everywhere, but time only where the processor multiplies in it: elsewhere every product is
    /// converted there and back. null where it does, and for processors whose instructions are not known.</summary>
    internal static string? SlowOnCpu(ScalarType type, Machine machine)
    {
        (string Name, string Needed, bool IsFast)? half = type switch
        {
            ScalarType.Float16 => ("f16", "AVX512-FP16 or AMX-FP16", DeviceChoice.HasFastFloat16(machine, AttentionDevice.Cpu)),
            ScalarType.BFloat16 => ("bf16", "AVX512-BF16 or AMX", DeviceChoice.HasFastBFloat16(machine, AttentionDevice.Cpu)),
            _ => null,
        };
        return half is { IsFast: false } slow && machine.Cpu.Isa.Contains("avx")
            ? Sentence.Say(
                $"{slow.Name} is slower than f32 on this processor, which has no {slow.Needed}; only memory is saved (⟦DType f32⟧ or auto is faster)"
            )
            : null;
    }

    private static Device ChooseDevice(string name, Machine machine)
    {
        switch (name)
        {
            case "auto":
                return cuda.is_available() && AutomaticIndex(machine, cuda.device_count(), Computes) is { } first
                    ? device(DeviceType.CUDA, first)
                    : CPU;
            case "cpu":
                return CPU;
            case "mps":
                return mps_is_available()
                    ? MPS
                    : throw new DeviceUnavailableException("⟦Device mps⟧: this libtorch has no Metal support; use ⟦Device cpu⟧.");
        }
        if (name == "cuda" || name.StartsWith("cuda:", StringComparison.Ordinal))
        {
            if (!cuda.is_available())
            {
                throw new DeviceUnavailableException($"⟦Device {name}⟧: libtorch finds no CUDA GPU; ⟦doctor⟧ says why. Use ⟦Device cpu⟧.");
            }
            if (name == "cuda")
            {
                return CUDA;
            }
            if (Devices.CudaIndex(name) is { } index && index < cuda.device_count())
            {
                return device(DeviceType.CUDA, index);
            }
            throw new DeviceUnavailableException($"⟦Device {name}⟧: this machine has cuda:0 to cuda:{cuda.device_count() - 1} only.");
        }
        throw new SyncOptionsException(SyncOptions.Table[nameof(SyncOptions.Device)].Objection(name)!, nameof(SyncOptions.Device));
    }

    /// <summary>The CUDA device of --device auto, null for the CPU: the doctor's choice. A GPU that libtorch has no code for is visible to
    /// it all the same, and would fail at the first kernel.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="count">The CUDA devices that libtorch sees.</param>
    /// <param name="computes">Whether one of them computes.</param>
    /// <remarks>Of several GPUs CUDA puts the fastest first and CUDA_VISIBLE_DEVICES may hide some, while the machine has them in the order
    /// of their slots: what is chosen is tried, and then the others.</remarks>
    internal static int? AutomaticIndex(Machine machine, int count, Func<int, bool> computes)
    {
        AttentionDevice chosen = DeviceChoice.DeviceOf(machine, seesCuda: true);
        if (chosen.Kind != AttentionDeviceKind.Cuda)
        {
            return null;
        }
        if (machine.Gpus.Count <= 1 && count <= 1)
        {
            return 0;
        }
        foreach (int index in Enumerable.Range(0, count).OrderBy(index => index == chosen.Index ? 0 : 1))
        {
            if (computes(index))
            {
                return index;
            }
        }
        return null;
    }

    private static bool Computes(int index)
    {
        try
        {
            using Tensor one = ones(1, device: device(DeviceType.CUDA, index));
            using Tensor two = one.Plus(one);
            return two.cpu().item<float>() == 2;
        }
        catch (System.Runtime.InteropServices.ExternalException)
        {
            return false; // no code for this GPU, or another program has it
        }
    }

    private static (ScalarType Type, string Reason) Automatic(Device device, Machine machine, int index)
    {
        if (device.type == DeviceType.CUDA)
        {
            string? capability = machine.Gpus.ElementAtOrDefault(index)?.ComputeCapability;
            return DeviceChoice.DTypeOf(machine, AttentionDevice.Cuda(index)) == AttentionDType.Float16
                ? (ScalarType.Float16, Sentence.Say($"compute capability {capability}: half precision, like the original"))
                : (ScalarType.Float32, Sentence.Say($"compute capability {capability ?? "?"}: single precision, like the original"));
        }
        return (ScalarType.Float32, Sentence.Say("exact; ⟦DType bf16⟧ is faster on processors with AVX512-BF16 or AMX"));
    }
}
