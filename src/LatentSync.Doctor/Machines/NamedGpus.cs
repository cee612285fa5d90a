using LatentSync.Attention.Machines;

namespace LatentSync.Doctor.Machines;

/// <summary>GPUs by name: NVIDIA's from the attention layer's catalogue, and other makers'.</summary>
internal static class NamedGpus
{
    private const string Maker = "nvidia";

    /// <summary>The GPU of a name.</summary>
    /// <exception cref="MachineDescriptionException">There is none; names the nearest.</exception>
    public static GpuInfo Find(string name) =>
        TryFind(name)
        ?? throw new MachineDescriptionException(
            $"⟦Gpus⟧: \"{name}\" is not a known GPU. The nearest names are {string.Join(", ", GpuCatalog.Nearest(name, 3).Select(near => near.Name))}; AMD, Intel and Apple GPUs are known too (MI300X, Arc A770, Apple M3 Max). Any other NVIDIA GPU can be described in a machine file (⟦MachineFile FILE⟧) by its compute capability and memory."
        );

    /// <summary>The GPU of a name; null when there is none.</summary>
    public static GpuInfo? TryFind(string name) => GpuCatalog.TryFind(name, out GpuModel? model) ? Of(model) : OtherGpus.TryFind(name);

    /// <summary>Of the memory as sold, what the driver leaves: a T4 of 16 GB has 15 GiB.</summary>
    private const double UsableShare = 0.94;

    /// <summary>The GPU with the memory that is usable where its memory is the catalogue's, as sold; else the same GPU.</summary>
    public static GpuInfo Usable(GpuInfo gpu) =>
        gpu.MemoryBytes > 0 && gpu.FreeBytes is null && TryFind(gpu.Name)?.MemoryBytes == gpu.MemoryBytes
            ? gpu with
            {
                MemoryBytes = (long)(UsableShare * gpu.MemoryBytes),
            }
            : gpu;

    private static GpuInfo Of(GpuModel model) => new(model.Name, model.ComputeCapability, model.MemoryBytes, null, null) { Maker = Maker };
}
