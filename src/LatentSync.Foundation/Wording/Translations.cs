using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;

namespace LatentSync.Foundation.Wording;

/// <summary>The Chinese of the libraries' sentences. Each library embeds its own as <c>sentences.zh.json</c>: the English words with their
/// gaps, and the Chinese ones with the same gaps. A sentence that has none stays English.</summary>
internal static class Translations
{
    private const string Resource = "sentences.zh.json";
    private const string OurAssemblies = "LatentSync";

    private static readonly ConcurrentDictionary<Assembly, IReadOnlyDictionary<string, string>> Chinese = [];

    /// <summary>The words of a sentence in a language; the English ones when there is no translation.</summary>
    /// <param name="english">The English words with their gaps.</param>
    /// <param name="language">The language.</param>
    public static string Of(string english, Language language)
    {
        if (language == Language.Chinese)
        {
            foreach (Assembly assembly in AppDomain.CurrentDomain.GetAssemblies().Where(IsOurs))
            {
                if (Chinese.GetOrAdd(assembly, Read).TryGetValue(english, out string? words))
                {
                    return words;
                }
            }
        }
        return english;
    }

    /// <summary>What an assembly has.</summary>
    /// <param name="assembly">The assembly.</param>
    internal static IReadOnlyDictionary<string, string> Read(Assembly assembly)
    {
        using Stream? stream = assembly.GetManifestResourceStream(Resource);
        return stream is null ? new Dictionary<string, string>() : JsonSerializer.Deserialize<Dictionary<string, string>>(stream)!;
    }

    private static bool IsOurs(Assembly assembly) =>
        !assembly.IsDynamic && assembly.GetName().Name?.StartsWith(OurAssemblies, StringComparison.Ordinal) == true;
}
