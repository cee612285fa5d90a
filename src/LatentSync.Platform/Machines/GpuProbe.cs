using System.Globalization;
using System.Runtime.InteropServices;
using LatentSync.Attention.Machines;

namespace LatentSync.Platform.Machines;

/// <summary>Finds GPUs: NVIDIA's by their driver, other makers' by name, and NVIDIA cards whose driver is missing.</summary>
internal static class GpuProbe
{
    private const string Nvidia = "0x10de";
    private const string Amd = "0x1002";

    /// <param name="root">"/" or a copy of such a tree, for sys/class/drm and sys/bus/pci.</param>
    /// <param name="nvml">The management library's name or path.</param>
    /// <param name="cudaDriver">The CUDA driver library's name or path.</param>
    public static GpuFacts Read(string root, string nvml, string cudaDriver)
    {
        List<PciDisplay> cards = PciDisplays(root);
        List<GpuInfo> others = AmdGpus(root, cards);
        if (OperatingSystem.IsMacOS() && RuntimeInformation.ProcessArchitecture == Architecture.Arm64)
        {
            others.Add(
                new GpuInfo("Apple GPU (Metal)", null, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, null, null) { Maker = "apple" }
            );
        }
        GpuFacts? nvidia = FirstAnswer([() => NvmlProbe.Read(nvml), () => CudaDriverProbe.Read(cudaDriver)], out string? trouble);
        if (nvidia is not null)
        {
            return nvidia with { Gpus = [.. nvidia.Gpus, .. others], Rocm = RocmProbe.Version(root) };
        }
        int idle = cards.Count(card => card.Vendor == Nvidia);
        string note =
            trouble
            ?? (
                idle > 0
                    ? FormattableString.Invariant(
                        $"{idle} NVIDIA GPU(s) on the bus, but no driver library ({nvml}): install the NVIDIA driver"
                    )
                : others.Count > 0 ? "no NVIDIA GPU"
                : "none found"
            );
        return new GpuFacts(others, null, note) { HasIdleNvidia = idle > 0, Rocm = RocmProbe.Version(root) };
    }

    /// <summary>AMD's cards on the bus, with the architecture where the compute driver lists as many; where the bus cannot be read, what
    /// the compute driver lists.</summary>
    private static List<GpuInfo> AmdGpus(string root, List<PciDisplay> cards)
    {
        List<GpuInfo> onBus = cards.Where(card => card.Vendor == Amd).Select(AmdGpu).ToList();
        IReadOnlyList<GpuInfo> computing = RocmProbe.Read(root);
        if (onBus.Count == 0)
        {
            return [.. computing];
        }
        return computing.Count == onBus.Count
            ?
            [
                .. onBus.Zip(
                    computing,
                    (card, node) =>
                        card with
                        {
                            Name = $"{card.Name}, {node.Name["AMD GPU (".Length..^1]}",
                            MemoryBytes = Math.Max(card.MemoryBytes, node.MemoryBytes),
                        }
                ),
            ]
            : onBus;
    }

    private static GpuFacts? FirstAnswer(IEnumerable<Func<GpuFacts?>> probes, out string? trouble)
    {
        trouble = null;
        GpuFacts? empty = null;
        foreach (Func<GpuFacts?> probe in probes)
        {
            try
            {
                if (probe() is { } facts)
                {
                    if (facts.Gpus.Count > 0)
                    {
                        return facts;
                    }
                    empty ??= facts;
                }
            }
            catch (Exception failure) when (failure is InvalidOperationException or EntryPointNotFoundException)
            {
                trouble ??= failure.Message; // the next library may still answer; if none does, this is the note
            }
        }
        return empty;
    }

    private static GpuInfo AmdGpu(PciDisplay card)
    {
        string name = Text(Path.Combine(card.Folder, "product_name")) ?? $"AMD GPU (PCI device {card.Device})";
        string? memory = Text(Path.Combine(card.Folder, "mem_info_vram_total"));
        long bytes = long.TryParse(memory, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : 0;
        return new GpuInfo(name, null, bytes, null, null) { Maker = "amd" };
    }

    private static List<PciDisplay> PciDisplays(string root)
    {
        string devices = Path.Combine(root, "sys/bus/pci/devices");
        if (!Directory.Exists(devices))
        {
            return [];
        }
        return Directory
            .EnumerateDirectories(devices)
            // PCI class 03xxxx is a display controller, 12xxxx an accelerator (AMD's MI300)
            .Where(folder =>
                Text(Path.Combine(folder, "class")) is { } kind
                && (kind.StartsWith("0x03", StringComparison.Ordinal) || kind.StartsWith("0x12", StringComparison.Ordinal))
            )
            .Select(folder => new PciDisplay(
                folder,
                Text(Path.Combine(folder, "vendor")) ?? "",
                Text(Path.Combine(folder, "device")) ?? "?"
            ))
            .ToList();
    }

    private static string? Text(string path) => File.Exists(path) && File.ReadAllText(path).Trim() is { Length: > 0 } text ? text : null;

    private sealed record PciDisplay(string Folder, string Vendor, string Device);
}
