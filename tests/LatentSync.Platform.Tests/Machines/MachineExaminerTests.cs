using System.Runtime.Intrinsics.X86;
using LatentSync.Attention.Machines;
using LatentSync.Platform.Loading;
using LatentSync.Platform.Machines;
using LatentSync.Platform.Tests.Children;

namespace LatentSync.Platform.Tests.Machines;

public sealed class MachineExaminerTests
{
    [Fact]
    public void Examine_ThisMachine_AnswersEveryProbeWithoutLoadingLibTorch()
    {
        MachineExamination found = new MachineExaminer().Examine();

        Assert.All(found.Probes, probe => Assert.True(probe.Succeeded, $"{probe.Name}: {probe.Detail}"));
        Assert.Equal(
            ["os", "kernel", "cpu", "load", "memory", "gpu", "cuda", "libtorch", "libstdcxx"],
            found.Probes.Select(probe => probe.Name)
        );
        Assert.True(found.Machine.MemoryBytes > 100_000_000);
        Assert.InRange(found.Machine.Cpu.Cores, 1, Environment.ProcessorCount);
        Assert.NotEqual("unknown", found.Machine.Cpu.Name);
        Assert.DoesNotContain(MappedLibraries.Read(), path => path.Contains("libtorch_cpu", StringComparison.Ordinal));
    }

    [Fact]
    public void Examine_OwnLibTorch_IsDescribed()
    {
        Assert.SkipUnless(Directory.Exists(Path.Combine(AppContext.BaseDirectory, "libtorch")), "This build has no libtorch folder.");

        MachineExamination found = new MachineExaminer().Examine();

        Assert.Equal(("2.10.0", "cpu"), (found.Machine.LibTorch!.Version, found.Machine.LibTorch.Flavor));
        Assert.StartsWith("GLIBCXX_3.4.", found.LibStdCxx!.NewestVersion, StringComparison.Ordinal);
        int newest = int.Parse(found.LibStdCxx.NewestVersion["GLIBCXX_3.4.".Length..], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(newest < 32, found.Machine.LibTorch.Repaired);
    }

    [Fact]
    public void Examine_ExternalFolder_GivesItsFlavourCudaAndArchitectures()
    {
        using var external = new TestFolder();
        external.Write("lib/libtorch_cpu.so", "");
        external.Write("lib/libtorch_cuda.so", "");
        external.Write("build-version", "2.10.0+cu128");

        MachineExamination found = new MachineExaminer { LibTorchFolder = external.At("lib") }.Examine();

        Assert.Equal("cu128", found.Machine.LibTorch!.Flavor);
        Assert.Equal("12.8", found.Machine.Cuda!.Runtime);
        Assert.Equal(["7.0", "7.5", "8.0", "8.6", "9.0", "10.0", "12.0"], found.Machine.LibTorch.Architectures);
    }

    [Fact]
    public void Examine_BrokenTree_OthersStillAnswer()
    {
        using var root = new TestFolder();
        root.Write("proc/meminfo", "nothing useful");
        root.Write("etc/os-release", "PRETTY_NAME=\"Ubuntu 22.04.5 LTS\"\nID=ubuntu\n");
        root.Write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Imaginary CPU\n");

        MachineExamination found = new MachineExaminer { Root = root.Path }.Examine();

        Assert.False(found.Probe("memory").Succeeded);
        Assert.Contains("MemTotal", found.Probe("memory").Detail, StringComparison.Ordinal);
        Assert.Null(found.Memory);
        Assert.Equal("linux Ubuntu 22.04.5 LTS", found.Machine.Os);
        Assert.Equal("Imaginary CPU", found.Machine.Cpu.Name);
    }

    [Fact]
    public void Examine_DriverThatHangs_CostsTheGpusOnly()
    {
        CCompiler.SkipUnlessThere();
        using var folder = new TestFolder();
        string hanging = CCompiler.Library(folder, "libhangs.so", "#include <unistd.h>\nint nvmlInit_v2(void) { sleep(20); return 0; }");

        MachineExamination found = new MachineExaminer { NvmlLibrary = hanging, Limit = TimeSpan.FromSeconds(2) }.Examine();

        Assert.Equal("unknown: no answer within 2 s", found.Probe("gpu").Detail);
        Assert.Empty(found.Machine.Gpus);
        Assert.All(
            found.Probes.Where(probe => probe.Name != "gpu"),
            probe => Assert.True(probe.Succeeded, $"{probe.Name}: {probe.Detail}")
        );
    }

    [Fact]
    public void Examine_ContainerWithLimits_GivesTheLimitsNotTheHost()
    {
        using var root = new TestFolder();
        root.Write("proc/meminfo", "MemTotal: 65536000 kB\nMemAvailable: 60000000 kB\n");
        root.Write("proc/self/cgroup", "0::/\n");
        root.Write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n");
        root.Write("sys/fs/cgroup/memory.max", "4294967296\n");
        root.Write("sys/fs/cgroup/cpu.max", "50000 100000\n");

        MachineExamination found = new MachineExaminer { Root = root.Path }.Examine();

        Assert.Equal(4L << 30, found.Machine.MemoryBytes);
        Assert.Equal(1, found.Machine.Cpu.Cores);
    }

    [Fact]
    public void Examine_ThisMachine_TellsKernelAndTimes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The kernel's name is compared with Linux's file.");

        MachineExamination found = new MachineExaminer().Examine();

        Assert.Equal("Linux " + File.ReadAllText("/proc/sys/kernel/osrelease").Trim(), found.Kernel!.Kernel);
        Assert.All(found.Probes, probe => Assert.InRange(probe.Milliseconds, 0, found.Milliseconds + 1));
    }

    [Fact]
    public void InstructionSets_Avx512SwitchedOff_AreNotListed()
    {
        Assert.SkipUnless(Avx512F.IsSupported, "This processor has no AVX-512 to switch off.");
        var off = new Dictionary<string, string?> { ["DOTNET_EnableAVX512"] = "0" };

        string all = ChildProcess.Run(ChildProcess.OwnFolder, ["isa"]).Code!,
            without = ChildProcess.Run(ChildProcess.OwnFolder, ["isa"], off).Code!;

        Assert.Contains("avx512f", all, StringComparison.Ordinal);
        Assert.DoesNotContain("avx512", without, StringComparison.Ordinal);
        Assert.Contains("avx2", without, StringComparison.Ordinal);
    }

    [Fact]
    public void InstructionSets_OnLinux_AgreeWithTheKernel()
    {
        Assert.SkipUnless(File.Exists("/proc/cpuinfo") && X86Base.IsSupported, "Only Linux on x86 lists flags to compare with.");
        string flags = File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("flags", StringComparison.Ordinal));
        HashSet<string> kernel = flags.Split(' ').Select(flag => flag.Replace("_", "", StringComparison.Ordinal)).ToHashSet();
        IReadOnlyList<string> ours = InstructionSets.Read();

        // The kernel writes sse4_2 and avx512_bf16; .NET's own vnni class needs OS support that the kernel's flag implies.
        string[] compared =
        [
            "avx",
            "avx2",
            "fma",
            "f16c",
            "avx512f",
            "avx512bw",
            "avx512dq",
            "avx512vl",
            "avx512vnni",
            "avx512bf16",
            "avx512fp16",
            "amxtile",
            "amxbf16",
            "amxfp16",
            "amxint8",
        ];
        Assert.All(compared, name => Assert.Equal((name, kernel.Contains(name)), (name, ours.Contains(name))));
    }

    /// <summary>What is said of a processor with these instruction sets is what .NET does on it.</summary>
    [Fact]
    public void InstructionSets_ThisProcessor_TellTheVectorsOfThisProcess() =>
        Assert.Equal(VectorPath.OfThisProcess, VectorPath.Of(CpuProbe.Read("/")));

    [Theory]
    [InlineData("cu128", "12.8")]
    [InlineData("cu118", "11.8")]
    [InlineData("cpu", null)]
    [InlineData("cuda", null)]
    [InlineData(null, null)]
    public void CudaVersion_OfFlavour(string? flavor, string? expected) => Assert.Equal(expected, CudaArchitectures.CudaVersion(flavor));

    [Fact]
    public void Os_NoReleaseFile_SaysSo()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "os-release is a Linux file.");
        using var root = new TestFolder();

        Assert.Equal("linux (no os-release file)", OperatingSystemProbe.Read(root.Path));
    }
}
