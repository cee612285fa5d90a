using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention;

/// <summary>No backend that the policy allows can compute a problem. Carries everything as data; the message is the same as text, in the
/// language of the moment.</summary>
public sealed class AttentionUnavailableException : Exception, IFault
{
    private readonly Plan _plan;

    /// <summary>Makes the exception from a plan that nothing, or nothing more, can run.</summary>
    /// <param name="plan">The plan; its verdicts tell why.</param>
    /// <param name="alternative">What would run under the policy "auto"; null when nothing would.</param>
    /// <param name="innerException">The last failure at run time; null when the rules refused.</param>
    public AttentionUnavailableException(Plan plan, string? alternative, Exception? innerException = null)
        : base(null, innerException)
    {
        _plan = plan;
        Code = CodeOf(plan);
        Alternative = alternative;
    }

    /// <summary>ATT0003 when a required backend cannot run, ATT0004 when none is left.</summary>
    public string Code { get; }

    /// <summary>What was asked.</summary>
    public AttentionProblem Problem => _plan.Problem;

    /// <summary>The policy.</summary>
    public Policy Policy => _plan.Policy;

    /// <summary>Every backend's verdict with all its reasons.</summary>
    public IReadOnlyList<Verdict> Verdicts => _plan.Verdicts;

    /// <summary>What would run under the policy "auto"; null when nothing would.</summary>
    public string? Alternative { get; }

    /// <summary>Everything the message says, as data that can be serialised.</summary>
    /// <param name="language">The language; null for the current one.</param>
    public AttentionUnavailableReport ToReport(Language? language = null) =>
        AttentionUnavailableReport.Of(_plan, Alternative, language ?? Audience.Current.Language);

    /// <summary>The report as JSON, in camelCase, indented.</summary>
    /// <param name="language">The language; null for the current one.</param>
    public string ToJson(Language? language = null) => ToReport(language).ToJson();

    internal static string CodeOf(Plan plan) =>
        plan.Policy.Required is null ? PolicyRules.NoneLeftCode : PolicyRules.RequiredUnavailableCode;

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Machine;

    /// <inheritdoc/>
    public Sentence Text => ToReport().ToText();

    /// <inheritdoc/>
    public override string Message => Text.ToString();

    Sentence? IFault.Remedy => ToReport().Remedies is [var first, ..] ? (Sentence)first.Text : null;

    bool IFault.HasLines => true;
}
