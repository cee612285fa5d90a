using System.CommandLine;
using System.CommandLine.Parsing;
using LatentSync.Foundation.Options;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Usage;

/// <summary>An option whose value is one of a few words; another word is refused with the nearest of them.</summary>
internal class ChoiceOption : Option<string>
{
    private readonly IReadOnlyList<Choice> _choices;

    /// <summary>Makes the option.</summary>
    /// <param name="name">Its name with dashes.</param>
    /// <param name="choices">The words.</param>
    public ChoiceOption(string name, params string[] choices)
        : this(name, [.. choices.Select(choice => new Choice(choice, string.Empty))]) { }

    /// <summary>Makes the option from a table.</summary>
    /// <param name="name">Its name with dashes.</param>
    /// <param name="choices">The table.</param>
    public ChoiceOption(string name, IReadOnlyList<Choice> choices)
        : base(name)
    {
        _choices = choices;
        Validators.Add(Check);
    }

    /// <summary>Further spellings that are read and not advertised.</summary>
    public string[] Also { get; init; } = [];

    /// <summary>Several words may be joined by commas.</summary>
    public bool IsList { get; init; }

    /// <summary>What is wrong with a value, in the language of the moment; null: nothing.</summary>
    /// <param name="value">What was typed.</param>
    public string? Objection(string value)
    {
        string[] words = IsList ? value.Split(',', StringSplitOptions.TrimEntries) : [value];
        if (Array.Find(words, word => !_choices.Any(choice => choice.IsChosenBy(word)) && !Also.Contains(word)) is not { } wrong)
        {
            return null;
        }
        string[] all = [.. _choices.Select(choice => choice.Name)];
        string list = $"{string.Join(", ", all[..^1])} {Say.In("or", "或")} {all[^1]}";
        return Say.In($"{Name} must be {list}, not \"{wrong}\"", $"{Name} 应为 {list}，而不是“{wrong}”")
            + Say.DidYouMean(NearestName.Of(wrong, all));
    }

    private void Check(OptionResult result)
    {
        if (result.Tokens is [var token] && Objection(token.Value) is { } objection)
        {
            result.AddError(objection);
        }
    }
}
