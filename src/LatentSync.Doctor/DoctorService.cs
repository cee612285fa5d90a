using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Doctor.Estimates;
using LatentSync.Doctor.Layers;
using LatentSync.Platform.Machines;
using static LatentSync.Doctor.Wording.DoctorWords;

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
        checks.Add(NativeChecks.Library(options, "opencv", "OpenCvSharpExtern", isNeeded: true));
        checks.Add(NativeChecks.Library(options, "onnxruntime", "onnxruntime", isNeeded: false));
        if (options.Detectors is not null)
        {
            checks.Add(ToolChecks.Detectors(options.Detectors));
        }
        LayerSurvey? survey = options.Survey?.Invoke(machine, torch?.HasCuda);
        IReadOnlyList<BackendStatus> backends = survey is null ? [] : BackendStatus.Of(survey);
        if (survey is not null)
        {
            checks.AddRange(GpuCheck.Memory(machine, survey) is { } tooSmall ? [tooSmall] : []);
            checks.Add(Attention(backends));
            checks.AddRange(TuningCheck.Of(machine) is { } tuning ? [tuning] : Array.Empty<DoctorCheck>());
        }
        return new DoctorReport(MachineReport.Of(examined with { Machine = machine }, ffmpeg), backends, checks)
        {
            Survey = survey,
            // A machine that was handed in is not this process's.
            VectorPath =
                survey is null ? null
                : options.Examine is null ? VectorPath.OfThisProcess
                : VectorPath.Of(machine.Cpu),
            Assumptions = survey is null ? [] : [.. DoctorAssumptions.Of(machine, survey)],
            Estimate =
                torch is null || survey is null || options.MeasureSpeed is not { } measure
                    ? null
                    : SyncEstimator.Measured(machine, survey, measure),
            Suggestions = survey is null ? [] : [.. Busy(examined), .. DoctorSuggestions.Of(machine, survey)],
        };
    }

    /// <summary>The estimate is for a machine that has nothing else to do: say so on a busy one.</summary>
    private static IEnumerable<DoctorSuggestion> Busy(MachineExamination examined) =>
        examined.Load is { } load && load > 1.5 * examined.Machine.Cpu.Cores
            ?
            [
                new DoctorSuggestion(
                    Say("better.busy", load.ToString("0.0", System.Globalization.CultureInfo.InvariantCulture), examined.Machine.Cpu.Cores),
                    RemedyEffort.Option
                ),
            ]
            : [];

    /// <summary>What was really loaded counts more than what was found.</summary>
    private static Machine WithLoaded(Machine machine, TorchFinding? torch) =>
        torch is not { Load: { } load }
            ? machine
            : machine with
            {
                LibTorch = new LibTorchInfo(
                    load.Version ?? "unknown",
                    load.Flavor,
                    load.Folder,
                    load.Repaired,
                    machine.LibTorch?.Architectures ?? []
                )
                {
                    HasFlashAttention = machine.LibTorch?.HasFlashAttention,
                    HasEfficientAttention = machine.LibTorch?.HasEfficientAttention,
                },
            };

    /// <summary>The check of the attention backends.</summary>
    internal static DoctorCheck Attention(IReadOnlyList<BackendStatus> backends)
    {
        string[] running = backends.Where(backend => backend.Available).Select(backend => backend.Name).ToArray();
        return running.Length > 0
            ? DoctorCheck.Ok("attention", Say("attention.ok", string.Join(", ", running)))
            : DoctorCheck.Error(
                "attention",
                Say("attention.none"),
                backends.SelectMany(backend => backend.Reasons).Select(reason => reason.Remedies).FirstOrDefault(list => list.Count > 0)
                    ?? SayEach("attention.none.do")
            );
    }
}
