using LatentSync.Attention.Machines;
using LatentSync.Doctor.Layers;
using LatentSync.Platform.Loading;
using LatentSync.Platform.Machines;

namespace LatentSync.Doctor.Tests;

[Trait("Category", "Integration")]
[Collection(LanguageCollection.Name)]
public sealed class DoctorServiceTests
{
    [Fact]
    public void Examine_EverythingThere_CanSync()
    {
        DoctorReport report = DoctorService.Examine(HealthyMachine.Options());

        Assert.All(report.Checks, check => Assert.Equal((check.Name, DoctorStatus.Ok), (check.Name, check.Status)));
        Assert.True(report.CanSync);
        Assert.Equal(0, report.ExitCode);
        Assert.Equal(
            ["dotnet", "os", "cpu", "memory", "gpu", "libtorch", "libstdcxx", "ffmpeg", "opencv", "onnxruntime", "faces", "attention"],
            report.Checks.Select(check => check.Name)
        );
    }

    [Fact]
    public void Examine_LibTorchDoesNotLoad_IsAnErrorWithCauseRemedyAndTrace()
    {
        var failure = new NativeLoadFailure(
            NativeLoadCause.DependencyMissing,
            "/app/libtorch_cpu.so",
            "libgomp.so.1 is missing on this system",
            "every library",
            "apt-get install libgomp1"
        );
        LoadStep step = new("inspect", "/app/libtorch_cpu.so", false, "libgomp.so.1");

        DoctorReport report = DoctorService.Examine(
            HealthyMachine.Options() with
            {
                TryTorch = _ => throw new NativeLoadException(failure, [step]),
            }
        );

        DoctorCheck check = Check(report, "libtorch", DoctorStatus.Error);
        Assert.Contains("NAT0105", check.Message, StringComparison.Ordinal);
        Assert.Contains("libgomp.so.1 is missing", check.Message, StringComparison.Ordinal);
        Assert.Equal("apt-get install libgomp1", check.Remedy);
        Assert.Equal([step.ToString()], check.Details);
        Assert.False(report.CanSync);
        Assert.Equal(3, report.ExitCode);
        Assert.Equal("LatentSync cannot run here: libtorch does not load or compute.", DoctorText.Rows(report)[0].Text);
    }

    [Fact]
    public void Examine_LibTorchComputesWrongly_IsAnError()
    {
        DoctorReport report = DoctorService.Examine(
            HealthyMachine.Options() with
            {
                TryTorch = _ => HealthyMachine.Torch() with { LargestError = 0.5 },
            }
        );

        Assert.Contains("computes wrongly", Check(report, "libtorch", DoctorStatus.Error).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Examine_LoadWarning_IsShown()
    {
        TorchFinding torch = HealthyMachine.Torch();
        torch = torch with
        {
            Load = torch.Load with { Warnings = ["The libtorch is 2.11.0, TorchSharp wants 2.10.0."], Version = "2.11.0" },
        };

        DoctorReport report = DoctorService.Examine(HealthyMachine.Options() with { TryTorch = _ => torch });

        Assert.Contains("2.10.0", Check(report, "libtorch", DoctorStatus.Warning).Message, StringComparison.Ordinal);
        Assert.Equal("2.11.0", report.Machine.LibTorch.Version);
        Assert.True(report.CanSync);
    }

    [Fact]
    public void Examine_BridgeRepaired_LibStdCxxSaysSo()
    {
        TorchFinding torch = HealthyMachine.Torch();
        torch = torch with { Load = torch.Load with { Repaired = true, CacheFile = "/home/u/.cache/latentsync/native/x.so" } };

        DoctorReport report = DoctorService.Examine(HealthyMachine.Options() with { TryTorch = _ => torch });

        string message = Check(report, "libstdcxx", DoctorStatus.Ok).Message;
        Assert.Contains("GLIBCXX_3.4.32", message, StringComparison.Ordinal);
        Assert.Contains("/home/u/.cache/latentsync/native/x.so", message, StringComparison.Ordinal);
        Assert.True(report.Machine.LibTorch.Repaired);
    }

    [Theory]
    [InlineData(12_000_000_000, DoctorStatus.Ok)]
    [InlineData(11_999_999_999, DoctorStatus.Warning)]
    public void Examine_Memory_WarnsBelowTheRealModel(long bytes, DoctorStatus expected)
    {
        MachineExamination machine = HealthyMachine.Examination() with { Memory = new MemoryFacts(bytes, null) };

        DoctorReport report = DoctorService.Examine(HealthyMachine.Options(machine));

        Check(report, "memory", expected);
        Assert.True(report.CanSync);
    }

    [Theory]
    [InlineData("cpu", "7.5", "12.8", "LATENTSYNC_LIBTORCH")] // GPU there, but the CPU build
    [InlineData("cu128", "6.1", "12.8", "cu126")] // no code for Pascal
    [InlineData("cu128", "9.0", "11.7", "driver")] // driver too old
    [InlineData("cu128", "9.0", "12.8", "CUDA_VISIBLE_DEVICES")] // libtorch sees none (the described one has no CUDA)
    public void Examine_GpuThatThisLibTorchCannotUse_SaysHowToSwitch(string flavor, string capability, string driver, string remedy)
    {
        MachineExamination machine = HealthyMachine.Examination();
        IReadOnlyList<string> built = flavor == "cpu" ? [] : ["7.0", "7.5", "8.0", "8.6", "9.0", "10.0", "12.0"];
        machine = machine with
        {
            Machine = machine.Machine with
            {
                Gpus = [new GpuInfo("Some GPU", capability, 16L << 30, null, "570")],
                Cuda = new CudaInfo(driver, flavor == "cpu" ? null : "12.8"),
                LibTorch = new LibTorchInfo("2.10.0", flavor, "/app/libtorch", false, built),
            },
        };
        TorchFinding torch = HealthyMachine.Torch();

        DoctorReport report = DoctorService.Examine(
            HealthyMachine.Options(machine) with
            {
                TryTorch = _ => torch with { Load = torch.Load with { Flavor = flavor } },
            }
        );

        DoctorCheck check = Check(report, "gpu", DoctorStatus.Warning);
        Assert.Contains(remedy, check.Remedy, StringComparison.Ordinal);
        Assert.True(report.CanSync);
    }

    [Fact]
    public void Examine_GpuThatLibTorchUses_IsOk()
    {
        MachineExamination machine = HealthyMachine.Examination();
        machine = machine with
        {
            Machine = machine.Machine with
            {
                Gpus = [new GpuInfo("NVIDIA H200", "9.0", 150L << 30, null, "570")],
                Cuda = new CudaInfo("12.8", "12.8"),
                LibTorch = new LibTorchInfo("2.10.0", "cu128", "/app/libtorch", false, ["9.0"]),
            },
        };
        TorchFinding torch = HealthyMachine.Torch();

        DoctorReport report = DoctorService.Examine(
            HealthyMachine.Options(machine) with
            {
                TryTorch = _ => torch with { HasCuda = true, Load = torch.Load with { Flavor = "cu128" } },
            }
        );

        Check(report, "gpu", DoctorStatus.Ok);
        Assert.StartsWith("Works here. It computes on the GPU (NVIDIA H200) in float16 with", report.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void Examine_FfmpegMissingOrIncomplete_IsAnErrorThatSaysWhatToType()
    {
        FfmpegFinding whole = HealthyMachine.Ffmpeg();
        Func<FfmpegFinding?>[] finders =
        [
            () => null,
            () => throw new IOException("ffmpeg does not start"),
            () => whole with { FfprobePath = null },
            () => whole with { Encoders = new Dictionary<string, bool> { ["aac"] = true } },
        ];
        string[] expected = ["not found", "does not start", "ffprobe", "libx264"];
        for (int i = 0; i < finders.Length; i++)
        {
            DoctorReport report = DoctorService.Examine(HealthyMachine.Options() with { Ffmpeg = finders[i] });

            DoctorCheck check = Check(report, "ffmpeg", DoctorStatus.Error);
            Assert.Contains(expected[i], check.Message, StringComparison.Ordinal);
            Assert.NotNull(check.Remedy);
            Assert.Equal(3, report.ExitCode);
        }
    }

    [Fact]
    public void Examine_NativeParts_OpenCvIsNeededOnnxIsNot()
    {
        static NativeLoadFailure Failure(string name) =>
            new(NativeLoadCause.FileMissing, name, "no such file", "the native part", "restore again");

        DoctorReport noOnnx = DoctorService.Examine(
            HealthyMachine.Options() with
            {
                TryNative = name => name == "onnxruntime" ? Failure(name) : null,
            }
        );
        DoctorReport noOpenCv = DoctorService.Examine(
            HealthyMachine.Options() with
            {
                TryNative = name => name == "OpenCvSharpExtern" ? Failure(name) : null,
            }
        );

        Check(noOnnx, "onnxruntime", DoctorStatus.Warning);
        Assert.True(noOnnx.CanSync);
        Check(noOpenCv, "opencv", DoctorStatus.Error);
        Assert.False(noOpenCv.CanSync);
    }

    [Fact]
    public void Examine_NoDetector_WarnsAndNoBackend_IsAnError()
    {
        DoctorReport report = DoctorService.Examine(
            HealthyMachine.Options() with
            {
                Detectors = () => [new DetectorFinding("haar", false, "no cascades", "apt-get install opencv-data")],
                Survey = (machine, _) => LayerSurveyor.Survey(machine with { LibTorch = null }),
            }
        );

        Assert.Equal("apt-get install opencv-data", Check(report, "faces", DoctorStatus.Warning).Remedy);
        Assert.Contains("LibTorchFolder DIR", Check(report, "attention", DoctorStatus.Error).Remedies[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Examine_Backends_AreAskedAboutTheMachineWithTheLoadedLibTorch()
    {
        Machine? asked = null;
        DoctorOptions options = HealthyMachine.Options() with
        {
            Survey = (machine, seesCuda) =>
            {
                asked = machine;
                Assert.False(seesCuda); // as the loaded libtorch said
                return LayerSurveyor.Survey(machine);
            },
        };

        DoctorService.Examine(options);

        Assert.Equal("2.10.0", asked!.LibTorch!.Version);
        Assert.Equal("/app/libtorch", asked.LibTorch.Path);
    }

    [Fact]
    public void Examine_Really_LoadsLibTorchAndTheNativeParts()
    {
        DoctorReport report = DoctorService.Examine(new DoctorOptions());

        Assert.Equal(DoctorStatus.Ok, report.Checks.Single(check => check.Name == "libtorch").Status);
        Assert.Equal(DoctorStatus.Ok, report.Checks.Single(check => check.Name == "opencv").Status);
        Assert.Equal(DoctorStatus.Ok, report.Checks.Single(check => check.Name == "onnxruntime").Status);
        Assert.True(report.CanSync);
    }

    private static DoctorCheck Check(DoctorReport report, string name, DoctorStatus expected)
    {
        DoctorCheck check = report.Checks.Single(candidate => candidate.Name == name);
        Assert.Equal(expected, check.Status);
        return check;
    }
}
