using System.CommandLine;
using System.CommandLine.Parsing;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Usage;

/// <summary>An option whose value is one of a few words; another word is refused with the nearest of them.</summary>
internal sealed class ChoiceOption : Option<string>
{
    private readonly string[] _choices;

    /// <summary>Makes the option.</summary>
    /// <param name="name">Its name with dashes.</param>
    /// <param name="choices">The words.</param>
    public ChoiceOption(string name, params string[] choices)
        : base(name)
    {
        _choices = choices;
        Validators.Add(Check);
    }

    /// <summary>cuda:0, cuda:1, ... are allowed too.</summary>
    public bool HasCudaIndex { get; init; }

    /// <summary>Further spellings that are read and not advertised.</summary>
    public string[] Also { get; init; } = [];

    /// <summary>Several words may be joined by commas.</summary>
    public bool IsList { get; init; }

    /// <summary>What is wrong with a value, in the language of the moment; null: nothing.</summary>
    /// <param name="value">What was typed.</param>
    public string? Objection(string value)
    {
        string[] words = IsList ? value.Split(',', StringSplitOptions.TrimEntries) : [value];
        if (
            Array.Find(words, word => !_choices.Contains(word) && !Also.Contains(word) && !(HasCudaIndex && IsCudaIndex(word)))
            is not { } wrong
        )
        {
            return null;
        }
        string[] all = HasCudaIndex ? [.. _choices, "cuda:N"] : _choices;
        string list = $"{string.Join(", ", all[..^1])} {Say.In("or", "或")} {all[^1]}";
        return Say.In($"{Name} must be {list}, not \"{wrong}\"", $"{Name} 应为 {list}，而不是“{wrong}”")
            + Say.DidYouMean(NearestName.Of(wrong, _choices));
    }

    private void Check(OptionResult result)
    {
        if (result.Tokens is [var token] && Objection(token.Value) is { } objection)
        {
            result.AddError(objection);
        }
    }

    private static bool IsCudaIndex(string text) =>
        text.StartsWith("cuda:", StringComparison.Ordinal) && text.Length > 5 && text.AsSpan(5).IndexOfAnyExceptInRange('0', '9') < 0;
}
