using LatentSync.Attention.Machines;
using LatentSync.Platform.Machines;

namespace LatentSync.Platform.Tests.Machines;

/// <summary>The probes against small libraries that play NVIDIA's.</summary>
public sealed class GpuProbeTests : IDisposable
{
    private const string Absent = "libno_such_driver_anywhere.so";

    private const string Nvml = """
        #include <string.h>
        int nvmlInit_v2(void) { return INIT; }
        int nvmlShutdown(void) { return 0; }
        int nvmlDeviceGetCount_v2(unsigned *n) { *n = 2; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **d) { *d = (void *)(long)(i + 1); return 0; }
        int nvmlDeviceGetName(void *d, char *name, unsigned n) { strncpy(name, d == (void *)1 ? "Tesla T4" : "NVIDIA H200", n); return 0; }
        int nvmlDeviceGetCudaComputeCapability(void *d, int *a, int *b) { *a = d == (void *)1 ? 7 : 9; *b = d == (void *)1 ? 5 : 0; return 0; }
        int nvmlDeviceGetMemoryInfo(void *d, unsigned long long *m) { m[0] = 16ull << 30; m[1] = 15ull << 30; m[2] = 1ull << 30; return 0; }
        int nvmlSystemGetDriverVersion(char *v, unsigned n) { strncpy(v, "570.86.10", n); return 0; }
        int nvmlSystemGetCudaDriverVersion_v2(int *v) { *v = 12080; return 0; }
        """;

    /// <summary>The second of the seven places for slices is filled.</summary>
    private const string Mig = """

        int nvmlDeviceGetMigMode(void *d, unsigned *now, unsigned *next) { *now = *next = 1; return 0; }
        int nvmlDeviceGetMaxMigDeviceCount(void *d, unsigned *n) { *n = 7; return 0; }
        int nvmlDeviceGetMigDeviceHandleByIndex(void *d, unsigned i, void **s) { *s = (void *)99; return i == 1 ? 0 : 6; }
        int nvmlDeviceGetAttributes_v2(void *d, unsigned *a) { a[6] = 2; *(unsigned long long *)(a + 8) = 9856; return 0; }
        """;

    private const string Cuda = """
        #include <string.h>
        #include <stddef.h>
        int cuInit(unsigned f) { return INIT; }
        int cuDriverGetVersion(int *v) { *v = 11070; return 0; }
        int cuDeviceGetCount(int *n) { *n = 1; return 0; }
        int cuDeviceGet(int *d, int i) { *d = i; return 0; }
        int cuDeviceGetName(char *s, int n, int d) { strncpy(s, "Orin", n); return 0; }
        int cuDeviceGetAttribute(int *v, int a, int d) { *v = a == 75 ? 8 : a == 76 ? 7 : -1; return 0; }
        int cuDeviceTotalMem_v2(size_t *m, int d) { *m = (size_t)8 << 30; return 0; }
        """;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_TwoGpusByNvml_GivesThemWithDriverAndCuda()
    {
        CCompiler.SkipUnlessThere();

        GpuFacts facts = GpuProbe.Read(_folder.Path, Library("libfakenvml.so", Nvml, 0), Absent);

        Assert.Equal("12.8", facts.CudaDriver);
        Assert.Equal(
            [
                new GpuInfo("Tesla T4", "7.5", 16L << 30, 15L << 30, "570.86.10") { Maker = "nvidia" },
                new GpuInfo("NVIDIA H200", "9.0", 16L << 30, 15L << 30, "570.86.10") { Maker = "nvidia" },
            ],
            facts.Gpus
        );
    }

    [Theory]
    [InlineData("NVIDIA H200 MIG 1g.18gb", "1g.18gb")] // as newer drivers name a slice
    [InlineData("NVIDIA A100-SXM4-40GB", "2g.10gb")] // older ones: by the slice's size
    public void Read_DividedGpu_GivesTheSliceWithItsMemoryAndProfile(string name, string profile)
    {
        CCompiler.SkipUnlessThere();
        string code = Nvml.Replace("*n = 2;", "*n = 1;", StringComparison.Ordinal)
            .Replace(
                "d == (void *)1 ? \"Tesla T4\" : \"NVIDIA H200\"",
                $"d == (void *)1 ? \"NVIDIA whole\" : \"{name}\"",
                StringComparison.Ordinal
            )
            .Replace(
                "m[0] = 16ull << 30; m[1] = 15ull << 30;",
                "m[0] = d == (void *)1 ? 80ull << 30 : 10ull << 30; m[1] = d == (void *)1 ? 70ull << 30 : 9ull << 30;",
                StringComparison.Ordinal
            );

        GpuFacts facts = GpuProbe.Read(_folder.Path, Library($"libmig{profile}.so", code + Mig, 0), Absent);

        GpuInfo slice = Assert.Single(facts.Gpus);
        Assert.Equal((name, profile, "7.5"), (slice.Name, slice.MigProfile, slice.ComputeCapability));
        Assert.Equal((10L << 30, 9L << 30), (slice.MemoryBytes, slice.FreeBytes));
        Assert.True(slice.IsMig);
        Assert.Contains("MIG", facts.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_DividedGpuWithoutASliceForUs_HasNoGpuAndSaysWhy()
    {
        CCompiler.SkipUnlessThere();
        string code = Nvml.Replace("*n = 2;", "*n = 1;", StringComparison.Ordinal) + Mig.Replace("i == 1", "0", StringComparison.Ordinal);

        GpuFacts facts = GpuProbe.Read(_folder.Path, Library("libmignone.so", code, 0), Absent);

        Assert.Empty(facts.Gpus);
        Assert.Contains("no slice of it is visible", facts.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SliceByTheCudaDriver_IsKnownByItsName()
    {
        CCompiler.SkipUnlessThere();
        string code = Cuda.Replace("Orin", "NVIDIA H100 MIG 3g.40gb", StringComparison.Ordinal);

        GpuInfo slice = Assert.Single(GpuProbe.Read(_folder.Path, Absent, Library("libmigcuda.so", code, 0)).Gpus);

        Assert.Equal("3g.40gb", slice.MigProfile);
    }

    [Fact]
    public void Read_NvmlFails_CudaDriverAnswers()
    {
        CCompiler.SkipUnlessThere();

        GpuFacts facts = GpuProbe.Read(_folder.Path, Library("libbadnvml.so", Nvml, 9), Library("libfakecuda.so", Cuda, 0));

        Assert.Equal("11.7", facts.CudaDriver);
        Assert.Equal([new GpuInfo("Orin", "8.7", 8L << 30, null, null) { Maker = "nvidia" }], facts.Gpus);
    }

    [Fact]
    public void Read_NvmlFailsAndNoDriver_NoteSaysWhy()
    {
        CCompiler.SkipUnlessThere();

        GpuFacts facts = GpuProbe.Read(_folder.Path, Library("libbadnvml2.so", Nvml, 18), Absent);

        Assert.Empty(facts.Gpus);
        Assert.Contains("error 18", facts.Note, StringComparison.Ordinal);
        Assert.Contains("restart", facts.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_CudaDriverWithoutDevice_IsNoError()
    {
        CCompiler.SkipUnlessThere();

        GpuFacts facts = GpuProbe.Read(_folder.Path, Absent, Library("libnodevice.so", Cuda, 100));

        Assert.Equal("11.7", facts.CudaDriver);
        Assert.Empty(facts.Gpus);
    }

    [Fact]
    public void Read_LibraryWithoutTheFunctions_NoteNamesOne()
    {
        CCompiler.SkipUnlessThere();

        GpuFacts facts = GpuProbe.Read(_folder.Path, CCompiler.Library(_folder, "libempty.so", "int x;"), Absent);

        Assert.Empty(facts.Gpus);
        Assert.Contains("nvmlInit_v2", facts.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NvidiaCardWithoutDriver_AsksForTheDriver()
    {
        Card("0000:01:00.0", "0x030000", "0x10de", "0x2684");

        GpuFacts facts = GpuProbe.Read(_folder.Path, Absent, Absent);

        Assert.Contains("install the NVIDIA driver", facts.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AmdCard_IsNamedWithoutComputeCapability()
    {
        Card("0000:03:00.0", "0x030000", "0x1002", "0x744c");
        Card("0000:04:00.0", "0x020000", "0x1002", "0x1234"); // not a display
        _folder.Write("sys/bus/pci/devices/0000:03:00.0/mem_info_vram_total", "25753026560\n");

        GpuFacts facts = GpuProbe.Read(_folder.Path, Absent, Absent);

        Assert.Equal([new GpuInfo("AMD GPU (PCI device 0x744c)", null, 25_753_026_560, null, null) { Maker = "amd" }], facts.Gpus);
    }

    [Fact]
    public void Read_Nothing_SaysNone() => Assert.Equal("none found", GpuProbe.Read(_folder.Path, Absent, Absent).Note);

    private string Library(string name, string code, int init) =>
        CCompiler.Library(
            _folder,
            name,
            code.Replace("INIT", init.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal)
        );

    private void Card(string address, string kind, string vendor, string device)
    {
        string folder = $"sys/bus/pci/devices/{address}/";
        _folder.Write(folder + "class", kind + "\n");
        _folder.Write(folder + "vendor", vendor + "\n");
        _folder.Write(folder + "device", device + "\n");
    }
}
