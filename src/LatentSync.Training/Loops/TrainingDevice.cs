using System.Globalization;
using LatentSync.Attention.Torch;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops;

/// <summary>Where a training computes.</summary>
internal static class TrainingDevice
{
    /// <summary>Loads libtorch, sets its threads, and gives the device of a run.</summary>
    /// <param name="run">Device and threads.</param>
    /// <exception cref="TrainingException">The device is unknown or not available, or the number of threads is impossible.</exception>
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
        return Choose(run.Device);
    }

    /// <summary>The device of a name; libtorch must be loaded.</summary>
    /// <param name="name">"auto" (CUDA where it is available, else the CPU), "cpu", "cuda" or "cuda:N".</param>
    /// <exception cref="TrainingException">The name is unknown, or CUDA is not available.</exception>
    public static Device Choose(string name)
    {
        if (name == "cpu" || name == "auto" && !cuda.is_available())
        {
            return CPU;
        }
        bool numbered = name.StartsWith("cuda:", StringComparison.Ordinal);
        int index = 0;
        if (name != "auto" && name != "cuda" && !(numbered && int.TryParse(name["cuda:".Length..], NumberStyles.None, CultureInfo.InvariantCulture, out index)))
        {
            throw new TrainingException($"--device is \"{name}\"; auto, cpu, cuda or cuda:N is required.");
        }
        if (!cuda.is_available() || index >= cuda.device_count())
        {
            throw new TrainingException($"--device {name}: this libtorch sees {(cuda.is_available() ? cuda.device_count() : 0)} CUDA devices; use --device cpu, or see `latentsync doctor`.");
        }
        return new Device(TorchSharp.DeviceType.CUDA, index);
    }
}
