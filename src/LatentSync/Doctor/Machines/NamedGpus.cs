using LatentSync.Attention.Selection;

namespace LatentSync.Doctor.Machines;

/// <summary>GPUs by name, from the attention layer's catalogue.</summary>
internal static class NamedGpus
{
    private const string Maker = "nvidia";

    /// <summary>The GPU of a name.</summary>
    /// <exception cref="MachineDescriptionException">There is none; names the nearest.</exception>
    public static GpuInfo Find(string name)
    {
        try
        {
            return Of(GpuCatalog.Find(name));
        }
        catch (FormatException unknown)
        {
            throw new MachineDescriptionException($"--gpu: {unknown.Message}", unknown);
        }
    }

    /// <summary>The GPU of a name; null when there is none.</summary>
    public static GpuInfo? TryFind(string name) => GpuCatalog.TryFind(name, out GpuModel? model) ? Of(model) : null;

    private static GpuInfo Of(GpuModel model) => new(model.Name, model.ComputeCapability, model.MemoryBytes, null, null) { Maker = Maker };
}
