using LatentSync.Attention.Machines;
using LatentSync.Doctor.Machines;

namespace LatentSync.Doctor.Tests;

[Collection(LanguageCollection.Name)]
public sealed class MachineDescriptionTests
{
    [Fact]
    public void Describe_TheCaseOfTheIssue_HasEveryFact()
    {
        Machine machine = new MachineDescription
        {
            Gpus = ["Tesla T4"],
            Cuda = "11.7",
            LibTorch = "2.5.1",
            Os = "Ubuntu 20.04",
        }
            .Describe()
            .Machine;

        Assert.Equal(("linux Ubuntu 20.04", OsFamily.Linux), (machine.Os, machine.OsFamily));
        GpuInfo gpu = Assert.Single(machine.Gpus);
        Assert.Equal(("Tesla T4", "7.5", "nvidia"), (gpu.Name, gpu.ComputeCapability, gpu.Maker));
        Assert.Equal(("11.7", "11.8"), (machine.Cuda!.Driver, machine.Cuda.Runtime));
        Assert.Equal(("2.5.1", "cu118"), (machine.LibTorch!.Version, machine.LibTorch.Flavor));
    }

    [Fact]
    public void Describe_NothingButAGpu_AssumesTheRestAndTellsEach()
    {
        DescribedMachine described = new MachineDescription { Gpus = ["RTX 4090"] }.Describe();

        Assert.Equal(5, described.Assumptions.Count); // os, cpu, memory, libtorch, driver
        Assert.Equal("cu128", described.Machine.LibTorch!.Flavor);
        Assert.Equal(described.Machine.Cuda!.Runtime, described.Machine.Cuda.Driver);
    }

    [Theory]
    [InlineData("515.65.01", "11.7")]
    [InlineData("470.82", "11.4")]
    [InlineData("525.60.13", "12.0")]
    [InlineData("581.15", "13.0")]
    public void Describe_OnlyTheDriver_GivesItsCuda(string driver, string cuda)
    {
        Machine machine = new MachineDescription { Gpus = ["T4"], Driver = driver }
            .Describe()
            .Machine;

        Assert.Equal((cuda, driver), (machine.Cuda!.Driver, machine.Gpus[0].Driver));
    }

    [Theory]
    [InlineData("2.5.1+cu121", "cu121", "12.1")]
    [InlineData("2.10.0+cpu", "cpu", null)]
    public void Describe_LibTorchWithItsBuild_IsKept(string libtorch, string flavor, string? runtime)
    {
        Machine machine = new MachineDescription { Gpus = ["A100"], LibTorch = libtorch }
            .Describe()
            .Machine;

        Assert.Equal((flavor, runtime), (machine.LibTorch!.Flavor, machine.Cuda?.Runtime));
    }

    [Fact]
    public void Describe_Cpu_ReadsNameCoresAndInstructionSets()
    {
        CpuInfo cpu = new MachineDescription { Cpu = "AMD EPYC 7543, 16 cores, avx2 avx512f" }
            .Describe()
            .Machine.Cpu;

        Assert.Equal(("AMD EPYC 7543", 16), (cpu.Name, cpu.Cores));
        Assert.Equal(["avx2", "avx512f"], cpu.Isa);
    }

    [Theory]
    [InlineData("64GB", 64_000_000_000)]
    [InlineData("64 GiB", 64L << 30)]
    [InlineData("512MB", 512_000_000)]
    [InlineData("16", 16_000_000_000)]
    public void Describe_Memory_ReadsUnits(string text, long bytes) =>
        Assert.Equal(
            bytes,
            new MachineDescription { Memory = text }
                .Describe()
                .Machine.MemoryBytes
        );

    [Fact]
    public void Describe_OverAFile_ReplacesOnlyWhatIsSaid()
    {
        Machine found = new MachineDescription
        {
            Gpus = ["P100"],
            Cuda = "12.8",
            LibTorch = "2.10.0",
            Os = "Debian 12",
        }
            .Describe()
            .Machine;

        DescribedMachine changed = new MachineDescription { Base = found, LibTorch = "2.10.0+cu126" }.Describe();

        Assert.Equal(("cu126", found.Os, "12.8"), (changed.Machine.LibTorch!.Flavor, changed.Machine.Os, changed.Machine.Cuda!.Driver));
        Assert.Equal(found.Gpus, changed.Machine.Gpus);
        Assert.Empty(changed.Assumptions);
    }

    [Theory]
    [InlineData("gpu", "RTX 4091", "4090")] // names the nearest
    [InlineData("cuda", "eleven", "11.7")]
    [InlineData("driver", "new", "515.65")]
    [InlineData("libtorch", "latest", "2.10.0")]
    [InlineData("libtorch", "99.9", "2.10 (cu126, cu128, cu130)")]
    [InlineData("libtorch", "2.99.0+cpu", "2.10 (cu126, cu128, cu130)")]
    [InlineData("libtorch", "2.5.1+cu199", "cu118, cu121, cu124")]
    [InlineData("os", "BeOS", "Ubuntu")]
    [InlineData("memory", "lots", "16GB")]
    [InlineData("memory", "0", "16GB")]
    [InlineData("cpu", "X, 99999 cores", "4096")]
    public void Describe_WhatHasNoMeaning_IsRefusedWithAnExample(string option, string value, string expected)
    {
        MachineDescription description = option switch
        {
            "gpu" => new() { Gpus = [value] },
            "cuda" => new() { Cuda = value },
            "driver" => new() { Driver = value },
            "libtorch" => new() { LibTorch = value },
            "os" => new() { Os = value },
            "memory" => new() { Memory = value },
            _ => new() { Cpu = value },
        };

        MachineDescriptionException refusal = Assert.Throws<MachineDescriptionException>(description.Describe);

        Assert.StartsWith(option, refusal.Message, StringComparison.OrdinalIgnoreCase); // the property, as programs know it
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }
}
