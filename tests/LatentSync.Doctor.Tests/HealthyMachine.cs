using LatentSync.Attention.Machines;
using LatentSync.Doctor.Layers;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Machines;

namespace LatentSync.Doctor.Tests;

/// <summary>A machine on which everything is as it should be; the tests take things away.</summary>
internal static class HealthyMachine
{
    public static DoctorOptions Options(MachineExamination? examination = null) =>
        new()
        {
            Examine = () => examination ?? Examination(),
            TryTorch = _ => Torch(),
            TryNative = _ => null,
            Ffmpeg = Ffmpeg,
            Detectors = () => [new DetectorFinding("haar", true, "/usr/share/opencv4")],
            Survey = LayerSurveyor.Survey,
        };

    public static MachineExamination Examination() =>
        new(
            new Machine(
                "linux Debian GNU/Linux 12 (bookworm)",
                new CpuInfo("AMD EPYC", 2, ["avx2", "avx512f", "avx512bf16"], "x64"),
                24_000_000_000,
                [],
                null,
                new LibTorchInfo("2.10.0", "cpu", "/app/libtorch", false, [])
            ),
            "10.0.12",
            new MemoryFacts(24_000_000_000, 20_000_000_000),
            new LibStdCxxFacts("/usr/lib/libstdc++.so.6.0.30", "GLIBCXX_3.4.30"),
            new[] { "os", "kernel", "cpu", "load", "memory", "gpu", "cuda", "libtorch", "libstdcxx" }
                .Select(name => new ProbeOutcome(name, true, "none found"))
                .ToList()
        );

    public static TorchFinding Torch() =>
        new(new LibTorchLoad("/app/libtorch", false, "2.10.0", "cpu", "/app/libLibTorchSharp.so", false, null, [], []), 0, false);

    public static FfmpegFinding Ffmpeg() =>
        new("/usr/bin/ffmpeg", "/usr/bin/ffprobe", "5.1.9", new Dictionary<string, bool> { ["libx264"] = true, ["aac"] = true });
}
