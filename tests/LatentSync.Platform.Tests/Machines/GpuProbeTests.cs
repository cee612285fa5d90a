using LatentSync.Attention.Selection;
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
                new GpuInfo("Tesla T4", "7.5", 16L << 30, 15L << 30, "570.86.10"),
                new GpuInfo("NVIDIA H200", "9.0", 16L << 30, 15L << 30, "570.86.10"),
            ],
            facts.Gpus
        );
    }

    [Fact]
    public void Read_NvmlFails_CudaDriverAnswers()
    {
        CCompiler.SkipUnlessThere();

        GpuFacts facts = GpuProbe.Read(_folder.Path, Library("libbadnvml.so", Nvml, 9), Library("libfakecuda.so", Cuda, 0));

        Assert.Equal("11.7", facts.CudaDriver);
        Assert.Equal([new GpuInfo("Orin", "8.7", 8L << 30, null, null)], facts.Gpus);
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

        Assert.Equal([new GpuInfo("AMD GPU (PCI device 0x744c)", null, 25_753_026_560, null, null)], facts.Gpus);
    }

    [Fact]
    public void Read_Nothing_SaysNone() => Assert.Equal("none found", GpuProbe.Read(_folder.Path, Absent, Absent).Note);

    private string Library(string name, string code, int init) => CCompiler.Library(_folder, name, code.Replace("INIT", init.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal));

    private void Card(string address, string kind, string vendor, string device)
    {
        string folder = $"sys/bus/pci/devices/{address}/";
        _folder.Write(folder + "class", kind + "\n");
        _folder.Write(folder + "vendor", vendor + "\n");
        _folder.Write(folder + "device", device + "\n");
    }
}
