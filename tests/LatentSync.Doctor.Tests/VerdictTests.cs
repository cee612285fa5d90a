using LatentSync.Attention.Machines;
using LatentSync.Doctor.Estimates;
using LatentSync.Doctor.Machines;
using LatentSync.Foundation.Wording;

namespace LatentSync.Doctor.Tests;

/// <summary>The first sentences: does it work, how long does it take, what is faster.</summary>
[Collection(LanguageCollection.Name)]
public sealed class VerdictTests
{
    [Theory]
    [InlineData(1e11, "Works here, but slow: a 10 s clip takes about 9 h (within a factor of 1.5). Faster: ")]
    [InlineData(1e13, "Works here: a 10 s clip takes about 5 min (within a factor of 1.5). It computes on the processor in float32")]
    public void Verdict_MeasuredProcessor_SaysTheTimeOfAClip(double rate, string expected)
    {
        using LanguageScope language = new(Language.English);

        DoctorReport report = Measured(rate);

        Assert.StartsWith(expected, report.Verdict, StringComparison.Ordinal);
        Assert.Contains("an estimate from a short measurement", report.Verdict, StringComparison.Ordinal);
        Assert.DoesNotContain("CUDA", report.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void Verdict_SlowProcessorWithBFloat16_NamesItWithItsTime()
    {
        using LanguageScope language = new(Language.English);

        Assert.Contains(
            "Faster: DType bf16 DeepCache on (about 2 h); or an NVIDIA GPU (minutes).",
            Measured(1e11).Verdict,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Verdict_Chinese_HasChineseUnits()
    {
        using LanguageScope language = new(Language.Chinese);

        Assert.StartsWith(
            "可以在这台机器上运行，但很慢：10 秒的视频约需 9 小时（误差在 1.5 倍以内）。更快的办法：",
            Measured(1e11).Verdict,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Verdict_DescribedGpu_IsCalculatedAndSaysThatNobodyHasTried()
    {
        using LanguageScope language = new(Language.English);

        DoctorReport report = Described("RTX 4090");

        Assert.StartsWith("Would work on the described machine: a 10 s clip takes about 1 min", report.Verdict, StringComparison.Ordinal);
        Assert.Contains("calculated from the hardware's figures, not measured", report.Verdict, StringComparison.Ordinal);
        Assert.Contains("has not been run on CUDA yet", report.Verdict, StringComparison.Ordinal);
        Assert.False(report.Estimate!.IsMeasured);
    }

    [Fact]
    public void Verdict_GpuThatIsInNoTable_HasNoTime()
    {
        using LanguageScope language = new(Language.English);
        Machine machine = new MachineDescription { Gpus = ["RTX 4090"] }
            .Describe()
            .Machine;
        machine = machine with { Gpus = [machine.Gpus[0] with { Name = "RTX 9999" }] };

        DoctorReport report = DescribedDoctor.Examine(new DescribedMachine(machine, [], []));

        Assert.Null(report.Estimate);
        Assert.StartsWith("Would work on the described machine. How fast is not known.", report.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void Verdict_MemoryTooSmallForFloat32_AsksForBFloat16()
    {
        using LanguageScope language = new(Language.English);

        DoctorReport report = DescribedDoctor.Examine(new MachineDescription { Gpus = ["none"], Memory = "6GiB" }.Describe());

        Assert.Contains("The memory is too small for float32: use DType bf16.", report.Verdict, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("MI300X", "amd", "AMD Instinct MI300X")]
    [InlineData("AMD Instinct MI250X", "amd", "AMD Instinct MI250X")]
    [InlineData("Radeon RX 7900 XTX", "amd", "AMD Radeon RX 7900 XTX")]
    [InlineData("RX 580", "amd", "AMD RX 580")]
    [InlineData("Radeon Pro W7900", "amd", "AMD Radeon Pro W7900")]
    [InlineData("Arc A770", "intel", "Intel Arc A770")]
    [InlineData("B580", "intel", "Intel Arc B580")]
    [InlineData("Intel Iris Xe Graphics", "intel", "Intel Iris Xe Graphics")]
    [InlineData("UHD Graphics 630", "intel", "Intel UHD Graphics 630")]
    [InlineData("Apple M1", "apple", "Apple M1")]
    [InlineData("m2 ultra", "apple", "Apple M2 Ultra")]
    [InlineData("M4 Pro", "apple", "Apple M4 Pro")]
    public void Gpu_OfAnotherMaker_IsRecognisedAndTheProcessorComputes(string name, string maker, string expected)
    {
        using LanguageScope language = new(Language.English);

        DoctorReport report = Described(name);

        GpuInfo gpu = Assert.Single(report.Machine.Gpus);
        Assert.Equal((maker, expected), (gpu.Maker, gpu.Name));
        Assert.Equal(("cpu", 0), (report.Device, report.ExitCode));
        Assert.Contains("It computes on the processor in float32", report.Verdict, StringComparison.Ordinal);
        Assert.Equal(maker == "apple", report.Verdict.Contains("Device mps (about", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("RTX 4091")]
    [InlineData("MI")]
    [InlineData("Arc de Triomphe")]
    [InlineData("M9 Ultra")]
    public void Gpu_OfNoMaker_IsStillRefused(string name) =>
        Assert.Throws<MachineDescriptionException>(() => new MachineDescription { Gpus = [name] }.Describe());

    [Fact]
    public void Gpu_AppleChip_BringsItsSystemAndProcessor()
    {
        using LanguageScope language = new(Language.English);

        DescribedMachine described = new MachineDescription { Gpus = ["Apple M3 Max"] }.Describe();

        Assert.Equal(OsFamily.MacOs, described.Machine.OsFamily);
        Assert.Equal(
            ("Apple M3 Max", 16, "arm64"),
            (described.Machine.Cpu.Name, described.Machine.Cpu.Cores, described.Machine.Cpu.Architecture)
        );
        Assert.Contains("os: macOS (not given)", described.Assumptions);
    }

    [Fact]
    public void Gpu_Amd_SaysWhyItIsNotUsed()
    {
        using LanguageScope language = new(Language.English);

        DoctorCheck check = Described("MI300X").Checks.Single(check => check.Name == "gpu");

        Assert.Equal(DoctorStatus.Warning, check.Status);
        Assert.Contains("TorchSharp's packages do not support AMD's ROCm", check.Message, StringComparison.Ordinal);
    }

    private static DoctorReport Measured(double rate) =>
        DoctorService.Examine(HealthyMachine.Options() with { MeasureSpeed = (_, _) => new MachineSpeed(rate, rate) });

    private static DoctorReport Described(string gpu) => DescribedDoctor.Examine(new MachineDescription { Gpus = [gpu] }.Describe());
}
