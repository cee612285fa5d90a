using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Compute;
using LatentSync.Platform.Machines;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops;

/// <summary>Where a training computes.</summary>
/// <param name="Device">The device.</param>
/// <param name="MixesPrecision">Training in bfloat16 pays there: on GPUs from compute capability 8.0 on. On a processor with AMX a step of
/// a narrow network took 0.97 s instead of 0.90 s: convolutions gain less than norms and copies lose.</param>
internal sealed record TrainingDevice(Device Device, bool MixesPrecision)
{
    /// <summary>Loads libtorch, sets its threads, and gives the device of a run.</summary>
    /// <param name="run">Device and threads.</param>
    /// <exception cref="TrainingException">The number of threads is impossible.</exception>
    /// <exception cref="SyncOptionsException">The device is unknown.</exception>
    /// <exception cref="DeviceUnavailableException">The device is not available.</exception>
    public static TrainingDevice Prepare(TrainingRun run)
    {
        TorchRuntime.EnsureLoaded();
        if (run.Threads is { } threads)
        {
            if (threads is < 1 or > 1024)
            {
                throw new TrainingException($"⟦Threads⟧ is {threads}; 1 to 1024 are possible.");
            }
            TorchRuntime.UseThreads(threads);
        }
        Machine machine = new MachineExaminer().Examine().Machine;
        Device device = ComputePlan.Choose(run.Device, "f32", machine).Device;
        bool mixes =
            device.type == DeviceType.CUDA && DeviceChoice.HasFastBFloat16(machine, AttentionDevice.Cuda(Math.Max(device.index, 0)));
        return new TrainingDevice(device, mixes);
    }
}
