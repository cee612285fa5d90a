using LatentSync.Attention.Selection;
using LatentSync.Doctor.Layers;
using LatentSync.Doctor.Wording;

namespace LatentSync.Doctor;

/// <summary>Whether an attention backend can run on a machine.</summary>
/// <param name="Name">"torch-flash".</param>
/// <param name="Available">It runs here.</param>
/// <param name="Reasons">Every reason why not; empty when it is available.</param>
public sealed record BackendStatus(string Name, bool Available, IReadOnlyList<BackendReason> Reasons)
{
    /// <summary>It is the one that is chosen.</summary>
    public bool Chosen { get; init; }

    /// <summary>Every backend for the first layer of a survey: the UNet's largest self-attention at 256 pixels.</summary>
    internal static IReadOnlyList<BackendStatus> Of(LayerSurvey survey)
    {
        Plan plan = survey.Answers[0].Plan;
        return
        [
            .. plan.Verdicts.Select(verdict => new BackendStatus(verdict.Backend, verdict.Runs, ReasonsOf(verdict))
            {
                Chosen = verdict.Backend == plan.Chosen,
            }),
        ];
    }

    internal static IReadOnlyList<BackendReason> ReasonsOf(Verdict verdict) =>
        [.. verdict.Reasons.Select(reason => new BackendReason(reason.Code, reason.Message, reason.Found, reason.Required, reason.Steps))];
}

/// <summary>One reason why a backend does not run.</summary>
/// <param name="Code">Stable code, "ATT0801".</param>
/// <param name="Message">The rule in one sentence.</param>
/// <param name="Found">What was found.</param>
/// <param name="Required">What is required.</param>
/// <param name="Remedies">What to do, one of these, the least effort first; empty when nothing need be done, because another backend
/// runs.</param>
public sealed record BackendReason(string Code, string Message, string Found, string Required, IReadOnlyList<string> Remedies)
{
    /// <summary>The remedies in one sentence: "no action needed" when there are none.</summary>
    public string Remedy { get; } =
        Remedies.Count == 0 ? DoctorWords.Say("remedy.none") : string.Join(DoctorWords.Say("remedy.or"), Remedies);
}
