using System.Globalization;
using LatentSync.Attention;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Doctor.Layers;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>The first sentence of the report.</summary>
internal static class DoctorVerdict
{
    public static string Of(DoctorReport report)
    {
        string how = How(report);
        if (report.CanSync)
        {
            return Say(report.IsDescribed ? "verdict.would" : "verdict.runs", how);
        }
        string[] problems =
        [
            .. report.Checks.Where(check => check.Status == DoctorStatus.Error).Select(check => SayOr($"problem.{check.Name}", check.Name)),
        ];
        string fails = Say(report.IsDescribed ? "verdict.wouldNot" : "verdict.fails", string.Join(", ", problems));
        // On a described machine the question is about attention, whatever else stands in the way.
        return report.IsDescribed && how.Length > 0 ? Say("verdict.butAttention", fails, how) : fails;
    }

    /// <summary>"CPU, torch-flash, about 1700 s per second of video (estimated)"; on a described machine with the GPU's name.</summary>
    private static string How(DoctorReport report)
    {
        List<string> parts = [];
        if (report.Survey is { } survey)
        {
            parts.Add(survey.Device.Kind == AttentionDeviceKind.Cuda ? $"GPU ({report.Machine.Gpus[survey.Device.Index].Name})" : "CPU");
            parts.Add(string.Join(" + ", Backends(survey).Select(name => Named(name, report))));
            if (survey.Device.Kind == AttentionDeviceKind.Cuda)
            {
                parts.Add(Type(report.Machine.Gpus[survey.Device.Index], survey));
            }
            if (report.IsDescribed && DescribedDoctor.IsOtherVersion(report.Machine.LibTorch.Version))
            {
                parts.Add(Say("verdict.ifLoads", report.Machine.LibTorch.Version));
            }
        }
        else if (report.Backends.FirstOrDefault(backend => backend.Available) is { } first)
        {
            parts.Add(first.Name);
        }
        if (report.Estimate is { } estimate)
        {
            parts.Add(Say("verdict.estimate", TwoDigits(estimate.SecondsPerSecondOfVideo)));
        }
        return string.Join(", ", parts.Where(part => part.Length > 0));
    }

    /// <summary>"managed-flash (AVX2+FMA, 256 bits)": how fast it is depends on the vectors.</summary>
    private static string Named(string backend, DoctorReport report) =>
        backend == AttentionBackendNames.ManagedFlash && report.VectorPath is { } path ? $"{backend} ({Vectors(path)})" : backend;

    /// <summary>"AVX2+FMA, 256 bits".</summary>
    internal static string Vectors(VectorPath path) => Say("vectors", path.Name, path.Bits);

    private static string Type(GpuInfo gpu, LayerSurvey survey) =>
        survey.IsHalfAdvised ? Say(GpuCheck.GivesBlackPictures(gpu) ? "verdict.halfBlack" : "verdict.half")
        : survey.Memory[0].Fits ? survey.DType.LongName()
        : Say("verdict.tooSmall");

    /// <summary>The backends of the layers, the commonest first.</summary>
    internal static IEnumerable<string> Backends(LayerSurvey survey) =>
        survey
            .Answers.Select(answer => answer.Backend)
            .OfType<string>()
            .GroupBy(name => name)
            .OrderByDescending(group => group.Count())
            .Select(group => group.Key);

    /// <summary>An estimate has two digits: 1834 is 1800, 3.26 is 3.3.</summary>
    internal static string TwoDigits(double seconds)
    {
        if (seconds <= 0)
        {
            return "0";
        }
        double unit = Math.Pow(10, Math.Floor(Math.Log10(seconds)) - 1);
        return (Math.Round(seconds / unit) * unit).ToString("0.##", CultureInfo.InvariantCulture);
    }
}
