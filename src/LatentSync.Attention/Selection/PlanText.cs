using System.Text;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Wording;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Selection;

/// <summary>A plan for a person.</summary>
public static class PlanText
{
    /// <summary>What was asked, what runs, and every backend's verdict with its reasons; lines, without a line break at the end.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="freeBytes">The free memory it was made for; null when unknown.</param>
    /// <param name="language">The language.</param>
    public static string Of(Plan plan, long? freeBytes, Language language)
    {
        var text = new StringBuilder(plan.Problem.Describe(language)).AppendLine();
        text.AppendLine(freeBytes is { } free ? Word("free memory: {0}", MemoryRules.Readable(free)) : Word("free memory: unknown"));
        text.Append(
            plan.Chosen is null ? Word("chosen: none")
            : plan.Order.Count == 0 ? Word("chosen: {0}", plan.Chosen)
            : Word("chosen: {0} (then {1})", plan.Chosen, string.Join(", ", plan.Order))
        );
        foreach (Verdict verdict in VerdictsOf(plan, language))
        {
            string runs = verdict.Runs
                ? Word("runs, {0:0.0} MiB", verdict.EstimatedBytes / 1048576.0)
                : Word("does not run, {0:0.0} MiB", verdict.EstimatedBytes / 1048576.0);
            text.AppendLine().Append($"  {verdict.Backend, -14} {runs}");
            foreach (Reason reason in verdict.Reasons.Concat(verdict.Repairs))
            {
                text.AppendLine().AppendLine($"    {reason.Code} {reason.Message}");
                text.Append($"      {Word("found: {0}", reason.Found)}   {Word("required: {0}", reason.Required)}");
                text.Append(reason.Remedy.Length > 0 ? $"   {Word("remedy: {0}", reason.Remedy)}" : "");
            }
        }
        return text.ToString();

        string Word(string template, params object?[] arguments) => Finding.Of(template, arguments).In(language);
    }

    /// <summary>The verdicts in a language. When nothing runs, no remedy says that nothing needs to be done since another backend
    /// does.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="language">The language.</param>
    public static IReadOnlyList<Verdict> VerdictsOf(Plan plan, Language language)
    {
        IEnumerable<Verdict> verdicts = plan.Verdicts.Select(verdict => verdict.In(language));
        return plan.Chosen is not null
            ? [.. verdicts]
            :
            [
                .. verdicts.Select(verdict =>
                    verdict with
                    {
                        Reasons = [.. verdict.Reasons.Select(reason => OnlySteps(reason, language))],
                    }
                ),
            ];
    }

    private static Reason OnlySteps(Reason reason, Language language) =>
        reason with
        {
            Remedy = string.Join(language == Language.Chinese ? "；或" : "; or ", reason.Steps),
        };
}
