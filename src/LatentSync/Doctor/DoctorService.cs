using LatentSync.Attention.Selection;
using LatentSync.Platform.Machines;

namespace LatentSync.Doctor;

/// <summary>Examines this machine and says whether the main job will run, and if not, what to do.</summary>
public static class DoctorService
{
    /// <summary>Runs every check. A check that fails never keeps the others from running.</summary>
    /// <param name="options">What to examine and whom to ask.</param>
    public static DoctorReport Examine(DoctorOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        MachineExamination examined = (options.Examine ?? new MachineExaminer { LibTorchFolder = options.LibTorch?.Folder }.Examine)();
        (TorchFinding? torch, DoctorCheck torchCheck) = NativeChecks.LibTorch(options);
        Machine machine = WithLoaded(examined.Machine, torch);
        var checks = new List<DoctorCheck>(MachineChecks.Of(examined with { Machine = machine }, torch))
        {
            torchCheck,
            NativeChecks.LibStdCxx(examined, torch),
        };
        FfmpegFinding? ffmpeg = null;
        if (options.Ffmpeg is not null)
        {
            (ffmpeg, DoctorCheck ffmpegCheck) = ToolChecks.Ffmpeg(options.Ffmpeg);
            checks.Add(ffmpegCheck);
        }
        checks.Add(NativeChecks.Library(options, "opencv", "OpenCvSharpExtern", isNeeded: true, "faces are cut out and pasted back with it"));
        checks.Add(NativeChecks.Library(options, "onnxruntime", "onnxruntime", isNeeded: false, "InsightFace's detectors need it"));
        if (options.Detectors is not null)
        {
            checks.Add(ToolChecks.Detectors(options.Detectors));
        }
        IReadOnlyList<BackendStatus> backends = options.Backends?.Invoke(machine) ?? [];
        if (options.Backends is not null)
        {
            checks.Add(Attention(backends));
            checks.AddRange(TuningCheck.Of(machine) is { } tuning ? [tuning] : Array.Empty<DoctorCheck>());
        }
        return new DoctorReport(MachineReport.Of(examined with { Machine = machine }, ffmpeg), backends, checks);
    }

    /// <summary>What was really loaded counts more than what was found.</summary>
    private static Machine WithLoaded(Machine machine, TorchFinding? torch) =>
        torch is not { Load: { } load }
            ? machine
            : machine with
            {
                LibTorch = new LibTorchInfo(load.Version ?? "unknown", load.Flavor, load.Folder, load.Repaired, machine.LibTorch?.Architectures ?? []),
            };

    private static DoctorCheck Attention(IReadOnlyList<BackendStatus> backends)
    {
        string[] running = backends.Where(backend => backend.Available).Select(backend => backend.Name).ToArray();
        return running.Length > 0
            ? DoctorCheck.Ok("attention", $"{string.Join(", ", running)} can run")
            : DoctorCheck.Error("attention", "No attention backend can run.", backends.SelectMany(backend => backend.Reasons).Select(reason => reason.Remedy).FirstOrDefault() ?? "see the check of libtorch");
    }
}
