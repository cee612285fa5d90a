using LatentSync.Attention;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Doctor.Layers;
using LatentSync.Foundation.Wording;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>The part of the report about LatentSync's own layers: which backend runs for each kind, what it takes, and why FlashAttention
/// does not where it does not.</summary>
internal static class LayerTable
{
    private const int LayerWidth = 20,
        SizeWidth = 48,
        BackendWidth = 15;

    public static IEnumerable<DoctorRow> Rows(DoctorReport report, LayerSurvey survey)
    {
        yield return DoctorText.Heading(Say("heading.layers", survey.DType.LongName(), Device(report, survey), Say(Why(survey))));
        yield return Row(Say("column.layer"), Say("column.size"), Say("column.runs"), Say("column.memory"));
        foreach (NetworkMemory memory in survey.Memory)
        {
            yield return Line(MemoryOf(memory));
            foreach (DoctorRow row in TableOf([.. survey.Answers.Where(answer => answer.Resolution == memory.Resolution)]))
            {
                yield return row;
            }
        }
        foreach (DoctorRow row in WhyNotFlash(survey))
        {
            yield return row;
        }
    }

    private static string Device(DoctorReport report, LayerSurvey survey) =>
        survey.Device.Kind == AttentionDeviceKind.Cuda ? report.Machine.Gpus[survey.Device.Index].Name : "CPU";

    private static string Why(LayerSurvey survey) =>
        survey.Device.Kind != AttentionDeviceKind.Cuda ? "dtype.cpu"
        : survey.IsHalfAdvised ? "dtype.advised"
        : survey.DType == AttentionDType.Float16 ? "dtype.f16"
        : "dtype.f32";

    private static string MemoryOf(NetworkMemory memory) =>
        Say("memory.networks", memory.Resolution, ByteText.Of(memory.NeededBytes))
        + (memory.AvailableBytes is { } available ? Say("memory.of", ByteText.Of(available)) : "")
        + (memory.Fits ? "" : Say("memory.tooMuch"));

    private static IEnumerable<DoctorRow> TableOf(IReadOnlyList<LayerAnswer> answers)
    {
        foreach (
            IGrouping<(string Family, string? Backend), LayerAnswer> group in answers.GroupBy(answer =>
                (Family: FamilyOf(answer), answer.Backend)
            )
        )
        {
            yield return Row(
                NameOf(group.Key.Family),
                SizeOf(group.Key.Family, [.. group.Select(answer => answer.Problem)]),
                group.Key.Backend ?? Say("backend.none"),
                group.Key.Backend is null ? "" : ByteText.Of(group.Max(answer => answer.Plan.EstimatedBytes))
            );
        }
    }

    private static DoctorRow Row(string layer, string size, string backend, string memory) =>
        Line($"  {Columns.Pad(layer, LayerWidth)} {Columns.Pad(size, SizeWidth)} {Columns.Pad(backend, BackendWidth)} {memory}".TrimEnd());

    private static DoctorRow Line(string text) => new(DoctorRowKind.Line, null, "", text);

    /// <summary>"unet.spatial-self" of "unet.spatial-self.32x32".</summary>
    private static string FamilyOf(LayerAnswer answer) => answer.Layer[..answer.Layer.LastIndexOf('.')];

    private static string NameOf(string family) => SayOr($"layer.{family}", family);

    private static string SizeOf(string family, IReadOnlyList<AttentionProblem> problems)
    {
        string queries = Numbers(problems.Select(problem => problem.QueryLength)),
            dims = Numbers(problems.Select(problem => problem.HeadDim));
        return family.EndsWith("temporal", StringComparison.Ordinal) ? Say("size.temporal", queries, dims)
            : problems[0].KeyLength != problems[0].QueryLength ? Say("size.cross", queries, problems[0].KeyLength, dims)
            : Say("size.self", queries, dims);
    }

    private static string Numbers(IEnumerable<int> numbers) => string.Join("/", numbers.Distinct());

    private static IEnumerable<DoctorRow> WhyNotFlash(LayerSurvey survey)
    {
        var refusals = survey
            .Answers.SelectMany(answer => Refusals(answer).Select(reason => (Answer: answer, Reason: reason)))
            .GroupBy(pair => (pair.Reason.Code, pair.Reason.Found))
            .OrderByDescending(group => group.Count())
            .ThenByDescending(group => group.First().Reason.Effort)
            .ToList();
        if (refusals.Count == 0)
        {
            yield break;
        }
        // Where the hardware itself is the obstacle, the remedies of lesser ones lead nowhere.
        bool isHopeless = refusals.Any(group =>
            group.Count() == survey.Answers.Count && group.First().Reason.Effort == RemedyEffort.Hardware
        );
        bool none = survey.Answers.All(answer => Refusals(answer).Any());
        yield return DoctorText.Heading(Say(none ? "heading.whyNoFlash" : "heading.whyNotFlash"));
        foreach (var refusal in refusals)
        {
            Reason reason = refusal.First().Reason;
            string[] families = [.. refusal.Select(pair => NameOf(FamilyOf(pair.Answer))).Distinct()];
            string layers = refusal.Count() == survey.Answers.Count ? Say("layers.all") : string.Join(", ", families);
            string remedy = reason.Steps.Count > 0 && !isHopeless ? " " + Say("remedy", string.Join("; ", reason.Steps)) : "";
            string text = Say("layers.reason", layers, Say("reason", reason.Code, reason.Message, reason.Found, reason.Required)) + remedy;
            foreach (DoctorRow row in DoctorText.Item(text))
            {
                yield return row;
            }
        }
    }

    /// <summary>Why torch-flash does not run; nothing where managed-flash, which is FlashAttention-2 as well, does.</summary>
    private static IReadOnlyList<Reason> Refusals(LayerAnswer answer) =>
        answer.Backend == AttentionBackendNames.ManagedFlash ? [] : answer.Plan.VerdictOf(AttentionBackendNames.TorchFlash)?.Reasons ?? [];
}
