namespace LatentSync.Foundation.Options;

/// <summary>One row of a table of choices.</summary>
/// <param name="Name">The word that chooses it; of a row with <paramref name="Pattern"/>, the form: "cuda:N".</param>
/// <param name="Help">What it means, in a few words.</param>
/// <param name="Pattern">Further words that choose it; null: only its name does.</param>
public record Choice(string Name, string Help, Func<string, bool>? Pattern = null)
{
    /// <summary>Whether a word chooses this row.</summary>
    /// <param name="word">The word.</param>
    public bool IsChosenBy(string word) => Pattern is null ? word == Name : Pattern(word);
}

/// <summary>A row that also has what it stands for.</summary>
/// <typeparam name="T">A value, or what makes it.</typeparam>
/// <param name="Name">The word that chooses it.</param>
/// <param name="Help">What it means, in a few words.</param>
/// <param name="Value">What it stands for.</param>
public sealed record Choice<T>(string Name, string Help, T Value) : Choice(Name, Help);

/// <summary>Looks into tables of choices.</summary>
public static class Choices
{
    /// <summary>What a word stands for.</summary>
    /// <typeparam name="T">The kind of values.</typeparam>
    /// <param name="table">The table.</param>
    /// <param name="word">The word; checked before.</param>
    /// <exception cref="ArgumentException">The table has no such row.</exception>
    public static T Value<T>(this IReadOnlyList<Choice<T>> table, string word)
    {
        ArgumentNullException.ThrowIfNull(table);
        Choice<T>? row = table.FirstOrDefault(choice => choice.IsChosenBy(word));
        return row is null
            ? throw new ArgumentException($"\"{word}\" is none of {string.Join(", ", table.Select(choice => choice.Name))}.", nameof(word))
            : row.Value;
    }
}
