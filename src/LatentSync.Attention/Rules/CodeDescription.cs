using LatentSync.Attention.Failures;
using LatentSync.Attention.Wording;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Rules;

/// <summary>One line of the page of codes.</summary>
/// <param name="Code">Stable code.</param>
/// <param name="Backends">Backends that can show it; empty when it belongs to none.</param>
/// <param name="Message">The rule or the event.</param>
/// <param name="Required">What is required.</param>
/// <param name="Remedy">What to do, or how it is cured.</param>
/// <param name="Source">Where the rule comes from; empty for events.</param>
public sealed record CodeDescription(
    string Code,
    IReadOnlyList<string> Backends,
    string Message,
    string Required,
    string Remedy,
    string Source
)
{
    /// <summary>Codes of the policy and of the process.</summary>
    public static IReadOnlyList<CodeDescription> OfPolicy { get; } =
    [
        new(PolicyRules.ForbiddenCode, [], "The policy forbids a backend.", "a policy that allows it", "leave out \"forbid NAME\"", ""),
        new(
            PolicyRules.OtherRequiredCode,
            [],
            "The policy requires another backend.",
            "a policy that allows it",
            "say \"prefer NAME\" instead of \"require NAME\"",
            ""
        ),
        new(
            PolicyRules.RequiredUnavailableCode,
            [],
            "The backend that the policy requires cannot run.",
            "a problem and a machine within its rules",
            "say \"prefer NAME\" instead of \"require NAME\"; or remove the reasons that are listed",
            ""
        ),
        new(
            PolicyRules.NoneLeftCode,
            [],
            "No backend is left for the problem.",
            "at least one backend that runs",
            "remove the reasons that are listed; \"auto\" always leaves sliced",
            ""
        ),
    ];

    private string? Repair { get; init; }

    /// <summary>The line of a rule.</summary>
    /// <param name="constraint">The rule.</param>
    /// <param name="backends">Backends that have it.</param>
    public static CodeDescription Of(Constraint constraint, IReadOnlyList<string> backends) =>
        new(
            constraint.Code,
            backends,
            Sentence(constraint.Rule, backends, Language.English),
            constraint.Required,
            constraint.Repair is { } repair ? "cured: " + repair : constraint.Remedy,
            constraint.Source
        )
        {
            Repair = constraint.Repair,
        };

    /// <summary>The line of a failure.</summary>
    /// <param name="failure">The failure.</param>
    public static CodeDescription Of(FailureDescription failure) =>
        new(failure.Code, [], failure.Message, failure.Required, failure.Remedy, "");

    /// <summary>The line in a language; sources stay as they are.</summary>
    /// <param name="language">The language.</param>
    public CodeDescription In(Language language) =>
        language == Language.English
            ? this
            : this with
            {
                Message = Sentence(WordCatalog.Rule(Code, Message, language), Backends, language),
                Required = WordCatalog.Required(Code, Required, language),
                Remedy = Repair is null
                    ? WordCatalog.Remedy(Code, Remedy, language)
                    : Finding.Of("cured: {0}", WordCatalog.Repair(Code, Repair, language)).In(language),
            };

    private static string Sentence(string rule, IReadOnlyList<string> backends, Language language)
    {
        string name =
            backends.Count == 1
                ? backends[0]
                : WordCatalog.Phrase(rule.StartsWith("{0}", StringComparison.Ordinal) ? "The backend" : "the backend", language);
        return rule.Replace("{0}", name, StringComparison.Ordinal);
    }
}
