namespace LatentSync.Foundation.Wording;

/// <summary>Which known name a misspelt one was probably meant to be.</summary>
public static class NearestName
{
    /// <summary>Letters that the beginning of a longer name needs to stand for it.</summary>
    private const int LeastPrefix = 3;

    /// <summary>The nearest known name; null where none is near enough to be a guess worth making.</summary>
    /// <param name="name">What was written. Case and dashes in front do not matter.</param>
    /// <param name="known">The names there are; of equally near ones the first is taken.</param>
    public static string? Of(string name, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(known);
        string wanted = Bare(name);
        string[] all = [.. known];
        (string Name, int Distance)? nearest = all.Select(candidate => (Name: candidate, Distance: Distance(wanted, Bare(candidate))))
            .OrderBy(candidate => candidate.Distance)
            .Cast<(string, int)?>()
            .FirstOrDefault();
        if (nearest is { } found && found.Distance <= Most(wanted.Length))
        {
            return found.Name;
        }
        string[] begun =
            wanted.Length < LeastPrefix ? [] : [.. all.Where(candidate => Bare(candidate).StartsWith(wanted, StringComparison.Ordinal))];
        return begun is [var only] ? only : null;
    }

    /// <summary>The fewest insertions, deletions, replacements and swaps of neighbours that turn one text into the other; no place is
    /// changed twice.</summary>
    /// <remarks>Damerau (1964) and Levenshtein (1966), as "optimal string alignment".</remarks>
    public static int Distance(string from, string to)
    {
        int[] before = new int[to.Length + 1],
            last = [.. Enumerable.Range(0, to.Length + 1)],
            row = new int[to.Length + 1];
        for (int i = 1; i <= from.Length; i++)
        {
            row[0] = i;
            for (int j = 1; j <= to.Length; j++)
            {
                int replaced = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                row[j] = Math.Min(replaced, Math.Min(last[j], row[j - 1]) + 1);
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    row[j] = Math.Min(row[j], before[j - 2] + 1);
                }
            }
            (before, last, row) = (last, row, before);
        }
        return last[to.Length];
    }

    /// <summary>Slips that are believed in a name of so many letters.</summary>
    private static int Most(int length) =>
        length <= 2 ? 0
        : length <= 5 ? 1
        : length <= 8 ? 2
        : 3;

    private static string Bare(string name) => name.TrimStart('-').ToLowerInvariant();
}
