using System.Text.Json.Serialization;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Failures;

/// <summary>One rule that a problem breaks on a machine, or one failure that happened. The words are in the language that was current
/// when it was made; <see cref="In"/> says it in another. Reasons with equal words are equal.</summary>
/// <param name="Code">Stable code, "ATT0801"; see docs/error-codes.md.</param>
/// <param name="Message">The rule or the event in one sentence.</param>
/// <param name="Found">What was found: "headDim 512".</param>
/// <param name="Required">What is required: "headDim &lt;= 256".</param>
/// <param name="Remedy">What to do, in the order of least effort; steps are parted by "; " or "；".</param>
public sealed record Reason(string Code, string Message, string Found, string Required, string Remedy)
{
    private Func<Language, Reason>? _words;

    /// <summary>Effort of the remedy's first step; each further step takes one more.</summary>
    [JsonIgnore]
    public RemedyEffort Effort { get; init; } = RemedyEffort.Call;

    /// <summary>The steps of the remedy that ask something of the user: without "none needed", without the word that joins them.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Steps =>
        [
            .. Remedy
                .Split(["; ", "；"], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Where(step => !IsNothing(step))
                .Select(step =>
                    step.StartsWith("or ", StringComparison.Ordinal) ? step[3..]
                    : step.StartsWith('或') ? step[1..].TrimStart()
                    : step
                ),
        ];

    /// <summary>A reason that can be said in every language, in the current one.</summary>
    /// <param name="words">The reason in a language.</param>
    public static Reason Of(Func<Language, Reason> words)
    {
        ArgumentNullException.ThrowIfNull(words);
        return words(Audience.Current.Language) with { _words = words };
    }

    /// <summary>The same reason in a language; itself when it was made from plain words.</summary>
    /// <param name="language">The language.</param>
    public Reason In(Language language) => _words is null ? this : _words(language) with { _words = _words };

    /// <inheritdoc/>
    public bool Equals(Reason? other) =>
        other is not null
        && Code == other.Code
        && Message == other.Message
        && Found == other.Found
        && Required == other.Required
        && Remedy == other.Remedy;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Code, Message, Found, Required, Remedy);

    private static bool IsNothing(string step) =>
        step.StartsWith("none needed", StringComparison.Ordinal) || step.StartsWith("无需处理", StringComparison.Ordinal);
}
