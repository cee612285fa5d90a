using System.Text.Json;
using LatentSync.Models.Loading;

namespace LatentSync.Models.UNets;

/// <summary>Finds misspelt keys: silently ignoring "norm_num_group" would build another network than the file describes.</summary>
internal static class KnownKeys
{
    /// <summary>Throws for the first key of <paramref name="json"/> that is in neither list, naming the nearest of both.</summary>
    public static void Check(JsonElement json, string model, IReadOnlyList<string> meaningful, IReadOnlyList<string> withoutInfluence)
    {
        string[] known = [.. meaningful, .. withoutInfluence];
        foreach (JsonProperty property in json.EnumerateObject())
        {
            if (!known.Contains(property.Name, StringComparer.Ordinal))
            {
                throw new ModelConfigurationException(
                    $"The configuration of {model} is not usable: the key \"{Shorten(property.Name)}\" is unknown; the nearest known key is \"{Nearest(property.Name, known)}\"."
                );
            }
        }
    }

    /// <summary>The entry of <paramref name="known"/> with the fewest insertions, deletions and replacements from <paramref name="name"/>.</summary>
    public static string Nearest(string name, IEnumerable<string> known) => known.MinBy(key => Distance(Shorten(name), key))!;

    private static string Shorten(string text) => text.Length <= 64 ? text : text[..61] + "...";

    // Levenshtein's distance, one row at a time.
    private static int Distance(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.Length; j++)
            {
                int replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[to.Length];
    }
}
