using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Wording;

/// <summary>What a rule found, as a sentence with gaps and what fills them, so that it can be said in each language: "driver for CUDA {0}"
/// with "11.7". Made only when a rule is broken.</summary>
public sealed class Finding
{
    private readonly object?[] _arguments;

    private Finding(string template, object?[] arguments)
    {
        Template = template;
        _arguments = arguments;
    }

    /// <summary>The English words with the gaps {0}, {1}, ...; the key of the translations.</summary>
    public string Template { get; }

    /// <summary>A finding in words that are translated.</summary>
    /// <param name="template">English words with the gaps {0}, {1}, ...</param>
    /// <param name="arguments">What fills them: numbers, names, or findings. Written the same way in every culture.</param>
    public static Finding Of(string template, params object?[] arguments) => new(template, arguments);

    /// <summary>A name or a quantity that is the same in every language: "headDim 512", "float32".</summary>
    /// <param name="text">The text, written as it is.</param>
    public static Finding Verbatim(string text) => new("{0}", [text]);

    /// <summary>A quantity with its name: "headDim 512".</summary>
    /// <param name="name">The name, as messages and options write it.</param>
    /// <param name="value">The number.</param>
    public static Finding Number(string name, double value) => Verbatim(string.Create(CultureInfo.InvariantCulture, $"{name} {value}"));

    /// <summary>A text that is not ours, such as a kernel's own message: the same in every language.</summary>
    /// <param name="text">The text; null stays null.</param>
    [return: NotNullIfNotNull(nameof(text))]
    public static implicit operator Finding?(string? text) => text is null ? null : Verbatim(text);

    /// <summary>The sentence.</summary>
    /// <param name="language">In which language.</param>
    public string In(Language language)
    {
        object?[] arguments = _arguments;
        if (Array.Exists(arguments, argument => argument is Finding))
        {
            arguments = Array.ConvertAll(arguments, argument => argument is Finding inner ? inner.In(language) : argument);
        }
        string template = WordCatalog.Phrase(Template, language);
        return arguments.Length == 0 ? template : string.Format(CultureInfo.InvariantCulture, template, arguments);
    }

    /// <summary>The sentence in the current language.</summary>
    public override string ToString() => In(Audience.Current.Language);
}
