using System.Collections.Frozen;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Rules;

/// <summary>The user's wish about backends: prefer one, require one, forbid some, or leave it to the selection ("auto").</summary>
public sealed class Policy : IEquatable<Policy>
{
    private Policy(string? preferred, string? required, FrozenSet<string> forbidden)
    {
        Preferred = preferred;
        Required = required;
        Forbidden = forbidden;
    }

    /// <summary>No wish: the best backend that runs.</summary>
    public static Policy Auto { get; } = new(null, null, []);

    /// <summary>Tried first when its rules allow; null for none.</summary>
    public string? Preferred { get; }

    /// <summary>The only one that may run; null for none.</summary>
    public string? Required { get; }

    /// <summary>Never run.</summary>
    public IReadOnlySet<string> Forbidden { get; }

    /// <summary>A policy that tries a backend first and falls back as usual.</summary>
    /// <param name="backend">Backend's name.</param>
    public static Policy Prefer(string backend) => new(backend, null, []);

    /// <summary>A policy that runs one backend or throws <see cref="AttentionUnavailableException"/>.</summary>
    /// <param name="backend">Backend's name.</param>
    public static Policy Require(string backend) => new(null, backend, []);

    /// <summary>A policy that never runs the given backends.</summary>
    /// <param name="backends">Backends' names.</param>
    public static Policy Forbid(params IEnumerable<string> backends) => new(null, null, backends.ToFrozenSet(StringComparer.Ordinal));

    /// <summary>Reads a policy: "auto", "prefer NAME", "require NAME", "forbid NAME", a bare NAME (the same as require), or several
    /// of "prefer" and "forbid" joined by commas: "prefer torch-flash, forbid torch-math".</summary>
    /// <param name="text">The policy. Upper and lower case and extra spaces do not matter.</param>
    /// <param name="knownBackends">Names that are accepted.</param>
    /// <exception cref="FormatException">A name or a word is unknown, or the clauses contradict each other.</exception>
    public static Policy Parse(string text, IReadOnlyCollection<string> knownBackends)
    {
        ArgumentNullException.ThrowIfNull(text);
        string? preferred = null,
            required = null;
        var forbidden = new HashSet<string>(StringComparer.Ordinal);
        foreach (string clause in text.ToLowerInvariant().Split(',', StringSplitOptions.TrimEntries))
        {
            string[] words = clause.Split([' ', '\t', '='], StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["auto"]:
                    break;
                case ["prefer", string name] when preferred is null:
                    preferred = Known(name);
                    break;
                case ["require", string name] when required is null:
                    required = Known(name);
                    break;
                case ["forbid", string name]:
                    forbidden.Add(Known(name));
                    break;
                case [string name] when required is null && name is not ("prefer" or "require" or "forbid"):
                    required = Known(name);
                    break;
                default:
                    throw Unreadable($"\"{clause}\" is not a clause of an attention policy");
            }
        }
        if (required is not null && (preferred is not null || forbidden.Count > 0))
        {
            throw Unreadable("\"require\" cannot be combined with \"prefer\" or \"forbid\"");
        }
        if (preferred is not null && forbidden.Contains(preferred))
        {
            throw Unreadable($"{preferred} is both preferred and forbidden");
        }
        return new Policy(preferred, required, forbidden.ToFrozenSet(StringComparer.Ordinal));

        string Known(string name) => knownBackends.Contains(name) ? name : throw Unreadable($"there is no attention backend \"{name}\"");

        FormatException Unreadable(Sentence what) =>
            new(
                Sentence.Say(
                    $"The attention policy \"{text}\" cannot be read: {what}. Use auto, prefer NAME, require NAME or forbid NAME, with NAME one of {string.Join(", ", knownBackends)}."
                )
            );
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString()
    {
        if (Required is not null)
        {
            return "require " + Required;
        }
        IEnumerable<string> clauses = Forbidden.Order(StringComparer.Ordinal).Select(name => "forbid " + name);
        if (Preferred is not null)
        {
            clauses = clauses.Prepend("prefer " + Preferred);
        }
        string text = string.Join(", ", clauses);
        return text.Length == 0 ? "auto" : text;
    }

    /// <inheritdoc/>
    public bool Equals(Policy? other) =>
        other is not null && Preferred == other.Preferred && Required == other.Required && Forbidden.SetEquals(other.Forbidden);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Policy);

    /// <inheritdoc/>
    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);
}
