using System.Text;
using LatentSync.Attention.Constraints;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention;

/// <summary>No backend that the policy allows can compute a problem. Carries everything as data; the message is the same as text.</summary>
public sealed class AttentionUnavailableException : Exception
{
    /// <summary>Makes the exception from a plan that nothing, or nothing more, can run.</summary>
    /// <param name="plan">The plan; its verdicts tell why.</param>
    /// <param name="alternative">What would run under the policy "auto"; null when nothing would.</param>
    /// <param name="innerException">The last failure at run time; null when the rules refused.</param>
    public AttentionUnavailableException(Plan plan, string? alternative, Exception? innerException = null)
        : base(Describe(plan, alternative), innerException)
    {
        Code = CodeOf(plan);
        Problem = plan.Problem;
        Policy = plan.Policy;
        Verdicts = plan.Verdicts;
        Alternative = alternative;
    }

    /// <summary>ATT0003 when a required backend cannot run, ATT0004 when none is left.</summary>
    public string Code { get; }

    /// <summary>What was asked.</summary>
    public AttentionProblem Problem { get; }

    /// <summary>The policy.</summary>
    public Policy Policy { get; }

    /// <summary>Every backend's verdict with all its reasons.</summary>
    public IReadOnlyList<Verdict> Verdicts { get; }

    /// <summary>What would run under the policy "auto"; null when nothing would.</summary>
    public string? Alternative { get; }

    private static string CodeOf(Plan plan) => plan.Policy.Required is null ? PolicyRules.NoneLeftCode : PolicyRules.RequiredUnavailableCode;

    private static string Describe(Plan plan, string? alternative)
    {
        string? required = plan.Policy.Required;
        var text = new StringBuilder();
        text.Append(CodeOf(plan)).Append(' ').AppendLine(required is null
            ? "No attention backend that the policy allows can run this problem."
            : $"{required} cannot run this problem, and the policy requires it.");
        text.AppendLine($"  asked: {plan.Problem.Describe()}      policy: {plan.Policy}");
        foreach (Verdict verdict in plan.Verdicts.Where(verdict => !verdict.Runs && (required is null || verdict.Backend == required)))
        {
            text.AppendLine($"  {verdict.Backend} does not run:");
            foreach (Reason reason in verdict.Reasons)
            {
                text.AppendLine($"    {reason.Code} {reason.Message}");
                text.AppendLine($"      found: {reason.Found}      required: {reason.Required}");
                text.AppendLine($"      remedy: {reason.Remedy}");
            }
        }
        text.AppendLine(alternative is null
            ? "  Nothing else would run instead."
            : $"  {alternative} would run instead: use the policy \"auto\"{(required is null ? "" : $" or \"prefer {required}\"")}.");
        return text.Append("  more: ").Append(plan.Problem.ExplainCommand()).ToString();
    }
}
