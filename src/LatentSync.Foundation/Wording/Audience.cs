using System.Globalization;

namespace LatentSync.Foundation.Wording;

/// <summary>Who reads what the libraries write: in which language, and by which names they know the options. It belongs to a request, not
/// to the process: a server gives each request its own, and it follows that request into its tasks and threads.</summary>
/// <param name="Language">The language.</param>
/// <param name="Vocabulary">How the host names options and commands.</param>
public sealed record Audience(Language Language, Vocabulary Vocabulary)
{
    private static readonly AsyncLocal<Audience?> OfRequest = new();

    /// <summary>The audience of the request that is being served: of <see cref="Use(Audience)"/>, else <see cref="Default"/>.</summary>
    public static Audience Current => OfRequest.Value ?? Default;

    /// <summary>The audience outside of all requests: a programmer, in the language of the UI culture, unless the host sets
    /// another.</summary>
    public static Audience Default
    {
        get => field ?? new Audience(Languages.OfCulture(CultureInfo.CurrentUICulture), Vocabulary.OfPrograms);
        set;
    }

    /// <summary>Writes for an audience until the result is disposed, in this request only.</summary>
    /// <param name="audience">Who reads.</param>
    public static IDisposable Use(Audience audience)
    {
        ArgumentNullException.ThrowIfNull(audience);
        Audience? before = OfRequest.Value;
        OfRequest.Value = audience;
        return new Until(before);
    }

    /// <summary>Writes in a language until the result is disposed, in this request only.</summary>
    /// <param name="language">The language.</param>
    public static IDisposable Use(Language language) => Use(Current with { Language = language });

    private sealed class Until(Audience? before) : IDisposable
    {
        public void Dispose() => OfRequest.Value = before;
    }
}
