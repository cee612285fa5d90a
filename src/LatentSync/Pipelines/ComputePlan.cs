using System.Globalization;
using LatentSync.Attention.Constraints;
using LatentSync.Attention.Selection;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Pipelines;

/// <summary>Device and element type of the networks, and why.</summary>
/// <param name="Device">Where the networks run.</param>
/// <param name="DType">Element type of weights and activations.</param>
/// <param name="Reason">Why this element type, in a few words.</param>
public sealed record ComputePlan(Device Device, ScalarType DType, string Reason)
{
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
        (ScalarType type, string reason) = dtype switch
        {
            "f32" => (ScalarType.Float32, "as asked"),
            "f16" => (ScalarType.Float16, "as asked"),
            "bf16" => (ScalarType.BFloat16, "as asked"),
            _ => Automatic(chosen, machine),
        };
        return new ComputePlan(chosen, type, reason);
    }

    private static Device ChooseDevice(string name, Machine machine)
    {
        switch (name)
        {
            case "auto":
                // A GPU that libtorch has no code for is visible to it all the same, and would fail at the first kernel.
                return cuda.is_available() && HasCodeForFirstGpu(machine) ? CUDA : CPU;
            case "cpu":
                return CPU;
            case "mps":
                return mps_is_available() ? MPS : throw new DeviceUnavailableException("--device mps: this libtorch has no Metal support; use --device cpu.");
        }
        if (name == "cuda" || name.StartsWith("cuda:", StringComparison.Ordinal))
        {
            if (!cuda.is_available())
            {
                throw new DeviceUnavailableException($"--device {name}: libtorch finds no CUDA GPU; \"latentsync doctor\" says why. Use --device cpu.");
            }
            if (name == "cuda")
            {
                return CUDA;
            }
            if (int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < cuda.device_count())
            {
                return device(DeviceType.CUDA, index);
            }
            throw new DeviceUnavailableException($"--device {name}: this machine has cuda:0 to cuda:{cuda.device_count() - 1}.");
        }
        throw new SyncOptionsException($"--device must be auto, cpu, cuda, cuda:N or mps, not \"{name}\".");
    }

    private static bool HasCodeForFirstGpu(Machine machine) =>
        machine.LibTorch is not { } torch || machine.Gpus.Count == 0 || GpuArchitectures.HasCodeFor(torch, machine.Gpus[0].ComputeCapability);

    private static (ScalarType Type, string Reason) Automatic(Device device, Machine machine)
    {
        if (device.type == DeviceType.CUDA)
        {
            string? capability = machine.Gpus.Skip(Math.Max(device.index, 0)).FirstOrDefault()?.ComputeCapability;
            return capability is not null && int.TryParse(capability.Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int major) && major > 7
                ? (ScalarType.Float16, $"compute capability {capability}: half precision as the original")
                : (ScalarType.Float32, $"compute capability {capability ?? "unknown"}: single precision as the original");
        }
        return (ScalarType.Float32, "exact; --dtype bf16 is faster on processors with AVX512-BF16 or AMX");
    }
}
