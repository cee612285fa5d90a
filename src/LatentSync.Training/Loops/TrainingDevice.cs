using LatentSync.Attention.Torch;
using LatentSync.Pipelines;
using LatentSync.Platform.Machines;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops;

/// <summary>Where a training computes.</summary>
internal static class TrainingDevice
{
    /// <summary>Loads libtorch, sets its threads, and gives the device of a run.</summary>
    /// <param name="run">Device and threads.</param>
    /// <exception cref="TrainingException">The number of threads is impossible.</exception>
    /// <exception cref="SyncOptionsException">The device is unknown.</exception>
    /// <exception cref="DeviceUnavailableException">The device is not available.</exception>
    public static Device Prepare(TrainingRun run)
    {
        TorchRuntime.EnsureLoaded();
        if (run.Threads is { } threads)
        {
            if (threads is < 1 or > 1024)
            {
                throw new TrainingException($"--threads is {threads}; 1 to 1024 are possible.");
            }
            set_num_threads(threads);
        }
        return ComputePlan.Choose(run.Device, "f32", new MachineExaminer().Examine().Machine).Device;
    }
}
