using LatentSync.Foundation.Wording;

namespace LatentSync.Cli;

/// <summary>In which language the program answers: --lang, else LATENTSYNC_LANG, else the locale.</summary>
internal static class LanguageChoice
{
    /// <summary>The locale's variables in the order in which they count, by POSIX.</summary>
    private static readonly string[] LocaleVariables = ["LC_ALL", "LC_MESSAGES", "LANG"];

    /// <summary>The language; a variable that cannot be read as one is passed over, since a locale may be of any kind.</summary>
    /// <param name="option">The option's value; null when it was not given.</param>
    /// <param name="variable">Gives an environment variable's value, or null.</param>
    /// <exception cref="FormatException">The option's value is no language of this program.</exception>
    public static Language Of(string? option, Func<string, string?> variable)
    {
        if (option is not null)
        {
            return Languages.Parse(option);
        }
        if (Languages.TryParse(variable("LATENTSYNC_LANG"), out Language wished))
        {
            return wished;
        }
        // The first one that is set counts, even when it names a language that this program does not have.
        string? locale = LocaleVariables.Select(variable).FirstOrDefault(value => !string.IsNullOrEmpty(value));
        return Languages.TryParse(locale, out Language system) ? system : Language.English;
    }
}
