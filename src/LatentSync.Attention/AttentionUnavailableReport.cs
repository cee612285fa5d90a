using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Wording;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention;

/// <summary>One thing the user can do.</summary>
/// <param name="Text">What.</param>
/// <param name="Effort">How much it asks.</param>
/// <param name="Codes">The reasons that it removes.</param>
public sealed record RemedyAdvice(string Text, RemedyEffort Effort, IReadOnlyList<string> Codes);

/// <summary>Why nothing runs, as data: the same that <see cref="AttentionUnavailableException"/>'s message says.</summary>
/// <param name="Code">ATT0003 or ATT0004.</param>
/// <param name="Message">What happened, in one sentence.</param>
/// <param name="Problem">What was asked.</param>
/// <param name="Asked">The same as text.</param>
/// <param name="Policy">The policy, as it can be written.</param>
/// <param name="Backends">Every backend's verdict, with all reasons.</param>
/// <param name="WouldRun">Backends that only the policy keeps from running.</param>
/// <param name="Alternative">What would run under the policy "auto"; null when nothing would.</param>
/// <param name="Remedies">What to do, the least effort first, each once.</param>
/// <param name="Explain">The command that explains the problem.</param>
public sealed record AttentionUnavailableReport(
    string Code,
    string Message,
    AttentionProblem Problem,
    string Asked,
    string Policy,
    IReadOnlyList<Verdict> Backends,
    IReadOnlyList<string> WouldRun,
    string? Alternative,
    IReadOnlyList<RemedyAdvice> Remedies,
    string Explain
)
{
    /// <summary>Its language.</summary>
    [JsonIgnore]
    public Language Language { get; private init; }

    /// <summary>As JSON, in camelCase, indented.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, AttentionUnavailableJson.Default.AttentionUnavailableReport);

    /// <summary>As text for a person.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        text.Append(Code).Append(' ').AppendLine(Message);
        text.AppendLine($"  {Word("asked: {0}", Asked)}      {Word("policy: {0}", Policy)}");
        var told = new HashSet<(string, string)>();
        foreach (Verdict verdict in Backends.Where(verdict => !verdict.Runs && !WouldRun.Contains(verdict.Backend)))
        {
            text.AppendLine($"  {Word("{0} does not run:", verdict.Backend)}");
            foreach (Reason reason in verdict.Reasons.Where(reason => !IsOfPolicy(reason)))
            {
                if (!told.Add((reason.Code, reason.Found)))
                {
                    text.AppendLine($"    {Word("{0} as above", reason.Code)}");
                    continue;
                }
                text.AppendLine($"    {reason.Code} {reason.Message}");
                text.AppendLine($"      {Word("found: {0}", reason.Found)}      {Word("required: {0}", reason.Required)}");
            }
        }
        if (WouldRun.Count > 0)
        {
            text.AppendLine($"  {Word("would run if the policy let it: {0}", string.Join(", ", WouldRun))}");
        }
        else if (Policy != "auto" && Alternative is null)
        {
            text.AppendLine($"  {Word("nothing would run under the policy \"auto\" either")}");
        }
        if (Remedies.Count > 0)
        {
            text.AppendLine($"  {Word("what to do, the least effort first:")}");
            for (int i = 0; i < Remedies.Count; i++)
            {
                text.AppendLine($"    {i + 1}. {Remedies[i].Text}");
            }
        }
        return text.Append("  ").Append(Word("more: {0}", Explain)).ToString();
    }

    internal static AttentionUnavailableReport Of(Plan plan, string? alternative, Language language)
    {
        string? required = plan.Policy.Required;
        Verdict[] verdicts = [.. plan.Verdicts.Select(verdict => verdict.In(language))];
        return new AttentionUnavailableReport(
            AttentionUnavailableException.CodeOf(plan),
            required is null
                ? Finding.Of("No attention backend that the policy allows can run this problem.").In(language)
                : Finding.Of("{0} cannot run this problem, and the policy requires it.", required).In(language),
            plan.Problem,
            plan.Problem.Describe(language),
            plan.Policy.ToString(),
            verdicts,
            [.. verdicts.Where(verdict => !verdict.Runs && verdict.Reasons.All(IsOfPolicy)).Select(verdict => verdict.Backend)],
            alternative,
            Advise(verdicts, alternative, required, language),
            plan.Problem.ExplainCommand()
        )
        {
            Language = language,
        };
    }

    /// <summary>Another policy, then the steps of every reason's remedy. A step that several reasons share is said once.</summary>
    private static IReadOnlyList<RemedyAdvice> Advise(
        IReadOnlyList<Verdict> verdicts,
        string? alternative,
        string? required,
        Language language
    )
    {
        var advice = new List<RemedyAdvice>();
        if (alternative is not null)
        {
            Finding policy = required is null
                ? Finding.Of("let {0} run instead: the policy \"auto\"", alternative)
                : Finding.Of("let {0} run instead: the policy \"auto\" or \"prefer {1}\"", alternative, required);
            advice.Add(new RemedyAdvice(policy.In(language), RemedyEffort.Option, []));
        }
        var steps =
            from verdict in verdicts
            where required is null || verdict.Backend == required
            from reason in verdict.Reasons
            where !IsOfPolicy(reason)
            from step in reason.Steps.Select((text, index) => (Text: text, Effort: reason.Effort + index))
            group (step.Effort, reason.Code) by step.Text into same
            let effort = same.Min(entry => entry.Effort)
            orderby effort
            select new RemedyAdvice(
                same.Key,
                effort <= RemedyEffort.Hardware ? effort : RemedyEffort.Hardware,
                [.. same.Select(entry => entry.Code).Distinct().Order(StringComparer.Ordinal)]
            );
        return [.. advice, .. steps];
    }

    private static bool IsOfPolicy(Reason reason) => reason.Code is PolicyRules.ForbiddenCode or PolicyRules.OtherRequiredCode;

    private string Word(string template, params object?[] arguments) => Finding.Of(template, arguments).In(Language);
}

/// <summary>How the report is written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters = [
        typeof(AttentionUnavailableJson.CamelCase<RemedyEffort>),
        typeof(AttentionUnavailableJson.CamelCase<AttentionDType>),
        typeof(AttentionUnavailableJson.CamelCase<AttentionDeviceKind>),
        typeof(AttentionUnavailableJson.CamelCase<AttentionMaskKind>),
        typeof(AttentionUnavailableJson.CamelCase<CausalAlignment>),
        typeof(AttentionUnavailableJson.CamelCase<OperandLayout>),
        typeof(AttentionUnavailableJson.CamelCase<AttentionOperands>),
    ],
    WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull
)]
[JsonSerializable(typeof(AttentionUnavailableReport))]
internal sealed partial class AttentionUnavailableJson : JsonSerializerContext
{
    internal sealed class CamelCase<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.CamelCase)
        where T : struct, Enum;
}
