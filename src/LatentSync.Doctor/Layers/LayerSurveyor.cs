using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Workloads;
using LatentSync.Compute;

namespace LatentSync.Doctor.Layers;

/// <summary>Asks the attention rules about every layer of LatentSync on a machine.</summary>
internal static class LayerSurveyor
{
    /// <summary>Resolutions of the released networks: 1.5 and 1.6.</summary>
    public static IReadOnlyList<int> Resolutions { get; } = [256, 512];

    /// <summary>Elements of all weights: the denoising network, the autoencoder, Whisper tiny's encoder.</summary>
    private const long WeightCount = 1_267_099_844 + 83_653_863 + 8_208_384;

    /// <summary>Layers whose attention is not part of a lip-sync run.</summary>
    private const string TrainingOnly = "syncnet.";

    /// <summary>What runs for each layer, by what was read or described alone.</summary>
    /// <param name="machine">The machine, found or described.</param>
    public static LayerSurvey Survey(Machine machine) => Survey(machine, null);

    /// <summary>What runs for each layer.</summary>
    /// <param name="machine">The machine, found or described.</param>
    /// <param name="seesCuda">What libtorch itself says about CUDA; null when it was not loaded.</param>
    public static LayerSurvey Survey(Machine machine, bool? seesCuda)
    {
        ArgumentNullException.ThrowIfNull(machine);
        AttentionDevice device = DeviceChoice.DeviceOf(machine, seesCuda);
        if (device.Index >= machine.Gpus.Count)
        {
            device = AttentionDevice.Cpu; // a GPU that only libtorch sees: nothing is known to judge its layers by
        }
        AttentionDType dtype = DeviceChoice.DTypeOf(machine, device);
        long? available = AvailableBytes(machine, device);
        bool isHalfAdvised =
            device.Kind == AttentionDeviceKind.Cuda
            && dtype == AttentionDType.Float32
            && !GpuCheck.GivesBlackPictures(machine.Gpus[device.Index])
            && NeededBytes(Resolutions[0], dtype) > available
            && NeededBytes(Resolutions[0], AttentionDType.Float16) <= available;
        if (isHalfAdvised)
        {
            dtype = AttentionDType.Float16;
        }
        var context = new SelectionContext { Machine = machine };
        List<LayerAnswer> answers = [];
        List<NetworkMemory> memory = [];
        foreach (int resolution in Resolutions)
        {
            NetworkMemory needed = new(resolution, NeededBytes(resolution, dtype), available);
            memory.Add(needed);
            // What the networks leave; where they do not fit at all, memory says so, and the layers are judged by their other rules.
            long? free = needed.Fits ? available - needed.NeededBytes : null;
            Workload workload = WorkloadCatalog.Find(FormattableString.Invariant($"latentsync-{resolution}"));
            foreach (WorkloadLayer layer in workload.Layers.Where(layer => !layer.Name.StartsWith(TrainingOnly, StringComparison.Ordinal)))
            {
                AttentionProblem problem = layer.Problem with { Device = device, DType = dtype };
                answers.Add(new LayerAnswer(resolution, layer.Name, AttentionSelector.Select(problem, context, free)));
            }
        }
        return new LayerSurvey(device, dtype, answers, memory) { IsHalfAdvised = isHalfAdvised };
    }

    /// <summary>Weights, and activations of a chunk as measured with the full-size network at 256 pixels (see <c>sync</c>'s own
    /// check).</summary>
    internal static long NeededBytes(int resolution, AttentionDType dtype) =>
        WeightCount * dtype.Size() + MemoryGuard.BytesBesidesTheUNet(resolution);

    private static long? AvailableBytes(Machine machine, AttentionDevice device)
    {
        long bytes = device.Kind == AttentionDeviceKind.Cuda ? machine.Gpus[device.Index].MemoryBytes : machine.MemoryBytes;
        return bytes > 0 ? bytes : null;
    }
}
