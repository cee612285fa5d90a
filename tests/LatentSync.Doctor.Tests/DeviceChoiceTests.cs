using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Compute;
using LatentSync.Doctor.Machines;
using LatentSync.Foundation.Wording;

namespace LatentSync.Doctor.Tests;

/// <summary>Which device computes: the doctor and sync say the same.</summary>
[Collection(LanguageCollection.Name)]
public sealed class DeviceChoiceTests
{
    [Fact]
    public void Device_PascalBesideAmpere_DoctorAndSyncTakeTheAmpere()
    {
        Machine machine = Described("2.10.0", "12.8", "P40", "A10");

        Assert.Equal("cuda:1", DescribedDoctor.Examine(new DescribedMachine(machine, [], [])).Device);
        Assert.Equal(1, ComputePlan.AutomaticIndex(machine, 2, _ => true));
        Assert.Equal(AttentionDType.Float16, DeviceChoice.DTypeOf(machine, DeviceChoice.DeviceOf(machine, seesCuda: true)));
    }

    [Fact]
    public void Device_CudaCountsOtherwiseThanTheMachine_SyncTakesTheOneThatComputes()
    {
        Machine machine = Described("2.10.0", "12.8", "P40", "A10");

        Assert.Equal(0, ComputePlan.AutomaticIndex(machine, 2, index => index == 0)); // the fastest first
        Assert.Equal(0, ComputePlan.AutomaticIndex(machine, 1, _ => true)); // the P40 hidden
        Assert.Null(ComputePlan.AutomaticIndex(machine, 1, _ => false)); // the A10 hidden
    }

    [Theory]
    [InlineData("P40", false)] // no code for it
    [InlineData("A10", true)]
    public void Device_OneGpu_DoctorAndSyncAgree(string gpu, bool computes)
    {
        Machine machine = Described("2.10.0", "12.8", gpu);

        Assert.Equal(computes, DeviceChoice.DeviceOf(machine).Kind == AttentionDeviceKind.Cuda);
        Assert.Equal(computes, ComputePlan.AutomaticIndex(machine, 1, _ => true) is not null);
    }

    [Fact]
    public void Device_WhatLibTorchItselfSays_CountsMoreThanWhatWasRead()
    {
        Machine machine = Described("2.10.0", "none", "A10");

        Assert.Equal(AttentionDevice.Cpu, DeviceChoice.DeviceOf(machine));
        Assert.Equal(AttentionDevice.Cuda(0), DeviceChoice.DeviceOf(machine, seesCuda: true));
        Assert.Equal(AttentionDevice.Cuda(0), DeviceChoice.DeviceOf(machine with { Gpus = [] }, seesCuda: true));
        Assert.Equal(AttentionDevice.Cpu, DeviceChoice.DeviceOf(Described("2.10.0", "12.8", "A10"), seesCuda: false));
    }

    /// <summary>Half precision that the processor has no instructions for is slower than single: it is said.</summary>
    [Theory]
    [InlineData(TorchSharp.torch.ScalarType.Float16, "avx2 f16c", "f16 is slower than f32")]
    [InlineData(TorchSharp.torch.ScalarType.Float16, "avx512f avx512bf16", "f16 is slower than f32")]
    [InlineData(TorchSharp.torch.ScalarType.Float16, "avx512f avx512fp16", null)]
    [InlineData(TorchSharp.torch.ScalarType.Float16, "avx512f amxfp16", null)]
    [InlineData(TorchSharp.torch.ScalarType.BFloat16, "avx2", "bf16 is slower than f32")]
    [InlineData(TorchSharp.torch.ScalarType.BFloat16, "avx512f avx512bf16", null)]
    [InlineData(TorchSharp.torch.ScalarType.BFloat16, "avx512f amxbf16", null)]
    [InlineData(TorchSharp.torch.ScalarType.Float32, "avx2", null)]
    [InlineData(TorchSharp.torch.ScalarType.Float16, "advsimd dp", null)] // what it multiplies in is not known
    public void SlowOnCpu_ProcessorWithoutTheInstructions_SaysSo(TorchSharp.torch.ScalarType type, string isa, string? note)
    {
        Machine machine = Described("2.10.0", "none", "T4") with { Cpu = new CpuInfo("a processor", 4, ["avx", .. isa.Split(' ')], "x64") };
        machine = isa.StartsWith("advsimd", StringComparison.Ordinal)
            ? machine with
            {
                Cpu = machine.Cpu with { Isa = isa.Split(' ') },
            }
            : machine;

        string? said = ComputePlan.SlowOnCpu(type, machine);

        Assert.Equal(note is null, said is null);
        Assert.StartsWith(note ?? "", said ?? "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Language.English, "there is no NVIDIA driver", "install the NVIDIA driver (525.60 or newer)")]
    [InlineData(Language.Chinese, "没有 NVIDIA 驱动", "安装 NVIDIA 驱动（525.60 或更新）")]
    public void Gpu_NoDriver_SaysSoWithTheRemedy(Language language, string message, string remedy)
    {
        using LanguageScope scope = new(language);

        DoctorReport report = Examine("2.10.0", "none", "T4");

        DoctorCheck check = report.Checks.Single(check => check.Name == "gpu");
        Assert.Contains(message, check.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, check.Remedy, StringComparison.Ordinal);
        Assert.Equal("cpu", report.Device);
        Assert.NotEqual(DoctorStatus.Ok, check.Status);
    }

    [Fact]
    public void Gpu_MachineFileWithoutDriver_DoesNotFail()
    {
        Machine machine = MachineFile.Parse(
            """{ "gpus": [{ "name": "T4" }], "cuda": { "driver": null, "runtime": "12.8" }, "libtorch": { "version": "2.10.0", "flavor": "cu128" } }"""u8.ToArray(),
            "m.json"
        );

        Assert.Equal(GpuObstacle.NoDriver, DeviceChoice.ObstacleOf(machine, machine.Gpus[0]));
        Assert.NotNull(DescribedDoctor.Examine(new DescribedMachine(machine, [], [])).Verdict);
    }

    [Theory]
    [InlineData("RTX 5090", "12.4", GpuObstacle.OldDriverForGpu, "570")]
    [InlineData("RTX 5090", "11.7", GpuObstacle.OldDriverForGpu, "570")] // for the libtorch alone 525.60 would do
    [InlineData("RTX 5090", "12.8", null, null)]
    [InlineData("B300", "12.8", GpuObstacle.OldDriverForGpu, "575")]
    [InlineData("H100", "11.7", GpuObstacle.OldDriver, "525.60")] // libtorch needs more than the GPU
    [InlineData("T4", "12.0", null, null)]
    public void Gpu_DriverOlderThanTheGpu_IsNotUsed(string gpu, string cuda, GpuObstacle? expected, string? driver)
    {
        using LanguageScope scope = new(Language.English);
        Machine machine = Described("2.10.0+cu128", cuda, gpu);

        Assert.Equal(expected, DeviceChoice.ObstacleOf(machine, machine.Gpus[0]));
        DoctorCheck check = DescribedDoctor.Examine(new DescribedMachine(machine, [], [])).Checks.Single(check => check.Name == "gpu");
        Assert.Equal(driver is null, check.Remedy is null);
        Assert.Contains(driver ?? "", check.Remedy ?? "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5.0", "6.5")]
    [InlineData("6.1", "8.0")]
    [InlineData("7.0", "9.0")]
    [InlineData("7.5", "10.0")]
    [InlineData("8.0", "11.0")]
    [InlineData("8.6", "11.1")]
    [InlineData("8.9", "11.8")]
    [InlineData("9.0", "11.8")]
    [InlineData("10.0", "12.8")]
    [InlineData("12.0", "12.8")]
    [InlineData("3.5", null)]
    public void LeastCuda_OfACapability_IsNvidias(string capability, string? cuda) => Assert.Equal(cuda, CudaDrivers.LeastFor(capability));

    private static Machine Described(string libtorch, string cuda, params string[] gpus) =>
        new MachineDescription
        {
            Gpus = gpus,
            Cuda = cuda,
            LibTorch = libtorch,
            Os = "Ubuntu 22.04",
        }
            .Describe()
            .Machine;

    private static DoctorReport Examine(string libtorch, string cuda, params string[] gpus) =>
        DescribedDoctor.Examine(new DescribedMachine(Described(libtorch, cuda, gpus), [], []));
}
