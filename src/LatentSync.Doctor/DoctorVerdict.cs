using LatentSync.Attention;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Doctor.Estimates;
using LatentSync.Doctor.Layers;
using LatentSync.Doctor.Machines;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>The first sentences of the report: does it work, how long does it take, what is faster; then where it computes and what the
/// time was estimated from.</summary>
internal static class DoctorVerdict
{
    public static string Of(DoctorReport report) => string.Join(Say("verdict.join"), Sentences(report));

    private static IEnumerable<string> Sentences(DoctorReport report)
    {
        if (!report.CanSync)
        {
            IEnumerable<string> problems = report
                .Checks.Where(check => check.Status == DoctorStatus.Error)
                .Select(check => SayOr($"problem.{check.Name}", check.Name));
            yield return Say(report.IsDescribed ? "verdict.wouldNot" : "verdict.fails", string.Join(Say("list.and"), problems));
            if (!report.IsDescribed || report.Survey is null)
            {
                yield break; // on a described machine the question is about attention, whatever else stands in the way
            }
        }
        yield return Works(report);
        foreach (string limit in Limits(report))
        {
            yield return limit;
        }
        if (report is { Survey: { } survey, Estimate: { } estimate } && FasterOf(report, survey, estimate) is { Length: > 0 } faster)
        {
            yield return faster;
        }
        foreach (string sentence in How(report))
        {
            yield return sentence;
        }
    }

    /// <summary>"Works here, but slow: a 10 s clip takes about 5 h (within a factor of 1.5)."</summary>
    private static string Works(DoctorReport report)
    {
        if (report.Estimate is not { } estimate)
        {
            return Say(
                !report.CanSync ? "verdict.mendedUnknown"
                : report.IsDescribed ? "verdict.wouldUnknown"
                : "verdict.unknown"
            );
        }
        string time = Say("verdict.time", SyncEstimate.ClipSeconds, AboutText.Of(estimate.SecondsOfClip), estimate.UncertaintyFactor);
        return Say(
            !report.CanSync ? "verdict.mended"
                : report.IsDescribed ? (estimate.IsSlow ? "verdict.wouldSlow" : "verdict.would")
                : estimate.IsSlow ? "verdict.slow"
                : "verdict.works",
            time
        );
    }

    /// <summary>Only where it is needed, or where a GPU stands by that is not used by itself.</summary>
    private static string FasterOf(DoctorReport report, LayerSurvey survey, SyncEstimate estimate)
    {
        Machine machine = Bare(report);
        bool hasIdleApple = machine.Gpus.Any(gpu => gpu.Maker == OtherGpus.Apple);
        return estimate.IsSlow || hasIdleApple
            ? Say("verdict.faster", string.Join(Say("list.or"), FasterWays.Of(machine, survey, estimate)))
            : "";
    }

    /// <summary>What the ways ask: processor and GPUs.</summary>
    private static Machine Bare(DoctorReport report) =>
        new(report.Machine.Os, report.Machine.Cpu, report.Machine.MemoryBytes ?? 0, report.Machine.Gpus, report.Machine.Cuda, null);

    /// <summary>What may not be left out: it runs on the processor only, or in one element type only.</summary>
    private static IEnumerable<string> Limits(DoctorReport report)
    {
        if (report.Survey is not { } survey)
        {
            yield break;
        }
        GpuInfo? gpu = survey.Device.Kind == AttentionDeviceKind.Cuda ? report.Machine.Gpus[survey.Device.Index] : null;
        if (!survey.FitsDevice)
        {
            yield return Say("verdict.onlyCpu", gpu!.Name);
        }
        if (gpu is not null && GpuCheck.GivesBlackPictures(gpu))
        {
            NetworkMemory small = survey.Memory[0];
            string available = small.AvailableBytes is { } bytes ? ByteText.Of(bytes) : "?";
            yield return Say(small.Fits ? "verdict.gtx16fits" : "verdict.gtx16", ByteText.Of(small.NeededBytes), available);
        }
        if (survey.IsHalfAdvised)
        {
            yield return Say("verdict.half");
        }
        if (gpu is null && !survey.Memory[0].Fits)
        {
            long half = LayerSurveyor.NeededBytes(survey.Memory[0].Resolution, AttentionDType.BFloat16);
            yield return Say(half <= survey.Memory[0].AvailableBytes ? "verdict.cpuMemoryHalf" : "verdict.cpuMemory");
        }
    }

    /// <summary>Where it computes, and what the time was estimated from.</summary>
    private static IEnumerable<string> How(DoctorReport report)
    {
        if (report.Survey is not { } survey)
        {
            yield break;
        }
        bool onGpu = survey.Device.Kind == AttentionDeviceKind.Cuda && survey.FitsDevice;
        GpuInfo? gpu = survey.Device.Kind == AttentionDeviceKind.Cuda ? report.Machine.Gpus[survey.Device.Index] : null;
        string backends = string.Join(" + ", Backends(survey).Select(name => Named(name, report)));
        if (survey.FitsDevice)
        {
            yield return backends.Length == 0 ? Say("verdict.noBackend", onGpu ? gpu!.Name : "CPU")
            : onGpu ? Say("verdict.onGpu", gpu!.Name, survey.DType.LongName(), backends)
            : Say("verdict.onCpu", survey.DType.LongName(), backends);
        }
        if (report.IsDescribed && DescribedDoctor.IsOtherVersion(report.Machine.LibTorch.Version))
        {
            yield return Say("verdict.ifLoads", report.Machine.LibTorch.Version);
        }
        if (report.Estimate is { } estimate)
        {
            yield return Say(estimate.IsMeasured ? "verdict.measured" : "verdict.calculated", estimate.Resolution, estimate.Steps);
        }
        if (onGpu)
        {
            yield return Say("verdict.cudaUntried");
        }
    }

    /// <summary>"managed-flash (AVX2+FMA, 256 bits)": how fast it is depends on the vectors.</summary>
    private static string Named(string backend, DoctorReport report) =>
        backend == AttentionBackendNames.ManagedFlash && report.VectorPath is { } path ? $"{backend} ({Vectors(path)})" : backend;

    /// <summary>"AVX2+FMA, 256 bits".</summary>
    internal static string Vectors(VectorPath path) => Say("vectors", path.Name, path.Bits);

    /// <summary>The backends of the layers, the commonest first.</summary>
    internal static IEnumerable<string> Backends(LayerSurvey survey) =>
        survey
            .Answers.Select(answer => answer.Backend)
            .OfType<string>()
            .GroupBy(name => name)
            .OrderByDescending(group => group.Count())
            .Select(group => group.Key);
}
