using LatentSync.Attention.Machines;

namespace LatentSync.Attention.Tests;

/// <summary>Machines that one does not have.</summary>
internal static class Machines
{
    private static readonly string[] Cu128 = ["7.0", "7.5", "8.0", "8.6", "9.0", "10.0", "12.0"];

    internal static Machine CpuOnly { get; } = Of(null, null, new LibTorchInfo("2.10.0", "cpu", null, true, []));

    internal static Machine NoLibTorch { get; } = Of(null, null, null);

    internal static Machine TeslaT4 { get; } = Gpu("Tesla T4", "7.5", 16);

    internal static Machine P100 { get; } = Gpu("Tesla P100", "6.0", 16);

    internal static Machine A10 { get; } = Gpu("NVIDIA A10", "8.6", 24);

    internal static Machine H200 { get; } = Gpu("NVIDIA H200", "9.0", 141);

    internal static Machine Thor { get; } = Gpu("Jetson Thor", "11.0", 128);

    internal static Machine Gpu(string name, string capability, int gibibytes, string driver = "12.8") =>
        Of(
            new GpuInfo(name, capability, (long)gibibytes << 30, null, "570.1"),
            new CudaInfo(driver, "12.8"),
            new LibTorchInfo("2.10.0", "cu128", null, false, Cu128)
        );

    private static Machine Of(GpuInfo? gpu, CudaInfo? cuda, LibTorchInfo? libTorch) =>
        new("linux Ubuntu 20.04", new CpuInfo("a processor", 2, ["avx2"], "x64"), 24L << 30, gpu is null ? [] : [gpu], cuda, libTorch);
}
