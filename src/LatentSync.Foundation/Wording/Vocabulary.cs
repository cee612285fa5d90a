using System.Text.RegularExpressions;

namespace LatentSync.Foundation.Wording;

/// <summary>
/// How a host names the options and commands that a library's sentence speaks of. Libraries do not know who shows their sentences, so they
/// write references: <c>⟦DType f16⟧</c> is an option (the property's name) with a value, <c>⟦attention tune⟧</c>, in small letters, a
/// command. A command line turns the first into "--dtype f16", a page into the label of a field.
/// </summary>
public abstract partial class Vocabulary
{
    /// <summary>For programmers: an option is called as its property is.</summary>
    public static Vocabulary OfPrograms { get; } = new Properties();

    /// <summary>The sentence with the host's names in place of the references; what is no reference stays.</summary>
    /// <param name="sentence">What a library wrote.</param>
    public string Name(string sentence)
    {
        ArgumentNullException.ThrowIfNull(sentence);
        return sentence.Contains('⟦', StringComparison.Ordinal) ? Reference().Replace(sentence, Name) : sentence;
    }

    /// <summary>An option.</summary>
    /// <param name="property">The property's name: "InferenceSteps".</param>
    /// <param name="value">The value that is spoken of; null: the option as such.</param>
    protected abstract string Option(string property, string? value);

    /// <summary>A command.</summary>
    /// <param name="words">Its name and, where it has them, its arguments: "attention tune".</param>
    protected abstract string Command(string words);

    private string Name(Match reference)
    {
        (string name, string rest) = (reference.Groups["name"].Value, reference.Groups["rest"].Value);
        return char.IsAsciiLetterUpper(name[0])
            ? Option(name, rest.Length == 0 ? null : rest)
            : Command(Name(rest.Length == 0 ? name : $"{name} {rest}"));
    }

    [GeneratedRegex(@"⟦(?<name>[A-Za-z][A-Za-z0-9]*)(?: (?<rest>[^⟦⟧]*))?⟧", RegexOptions.CultureInvariant)]
    private static partial Regex Reference();

    private sealed class Properties : Vocabulary
    {
        protected override string Option(string property, string? value) => value is null ? property : $"{property} {value}";

        protected override string Command(string words) => $"\"{words}\"";
    }
}
