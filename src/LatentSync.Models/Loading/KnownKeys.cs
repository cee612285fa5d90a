using System.Text.Json;
using LatentSync.Foundation.Wording;

namespace LatentSync.Models.Loading;

/// <summary>Finds misspelt keys: silently ignoring "norm_num_group" would build another network than the file describes.</summary>
internal static class KnownKeys
{
    /// <summary>Throws for the first key of <paramref name="json"/> that is in neither list, naming the nearest of both.</summary>
    public static void Check(JsonElement json, Sentence model, IReadOnlyList<string> meaningful, IReadOnlyList<string> withoutInfluence)
    {
        string[] known = [.. meaningful, .. withoutInfluence];
        foreach (JsonProperty property in json.EnumerateObject())
        {
            if (!known.Contains(property.Name, StringComparer.Ordinal))
            {
                throw new ModelConfigurationException(
                    $"The configuration of {model} cannot be used: the key \"{Shorten(property.Name)}\" is unknown; the nearest known key is \"{Nearest(property.Name, known)}\"."
                );
            }
        }
    }

    /// <summary>The entry of <paramref name="known"/> with the fewest slips from <paramref name="name"/>.</summary>
    public static string Nearest(string name, IEnumerable<string> known) => known.MinBy(key => NearestName.Distance(Shorten(name), key))!;

    private static string Shorten(string text) => text.Length <= 64 ? text : text[..61] + "...";
}
