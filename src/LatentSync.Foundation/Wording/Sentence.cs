using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace LatentSync.Foundation.Wording;

/// <summary>
/// A sentence for people, as its words and what fills the gaps, so that it can be said in each language and with each host's names. An
/// interpolated string becomes one by itself: <c>throw new SyncOptionsException($"⟦InferenceSteps⟧ must be at least 1, not {steps}.")</c>.
/// Numbers are written the same way in every culture.
/// </summary>
[InterpolatedStringHandler]
public sealed class Sentence
{
    private readonly StringBuilder _template;
    private readonly List<object?> _arguments;

    /// <summary>For the compiler.</summary>
    /// <param name="literalLength">Characters outside of the gaps.</param>
    /// <param name="formattedCount">Number of gaps.</param>
    public Sentence(int literalLength, int formattedCount)
    {
        _template = new StringBuilder(literalLength + (3 * formattedCount));
        _arguments = new List<object?>(formattedCount);
    }

    /// <summary>The English words with the gaps {0}, {1:0.0}, ...; the key of the translations.</summary>
    public string Template => _template.ToString();

    /// <summary>What fills the gaps.</summary>
    public IReadOnlyList<object?> Arguments => _arguments;

    /// <summary>A text as it stands: another program's message, or words without gaps.</summary>
    /// <param name="text">The text.</param>
    public static implicit operator Sentence(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Sentence sentence = new(text.Length, 0);
        sentence.AppendLiteral(text);
        return sentence;
    }

    /// <summary>A sentence, where the compiler would take an interpolated string for a text.</summary>
    /// <param name="sentence">The sentence.</param>
    public static Sentence Of(Sentence sentence) => sentence;

    /// <summary>Sentences one after another.</summary>
    /// <param name="separator">What stands between two; in Chinese the full-width mark.</param>
    /// <param name="sentences">The sentences.</param>
    public static Sentence Join(string separator, IEnumerable<Sentence> sentences)
    {
        ArgumentNullException.ThrowIfNull(sentences);
        Sentence between = separator;
        Sentence all = new(0, 0);
        foreach (Sentence sentence in sentences)
        {
            if (all._arguments.Count > 0)
            {
                all.AppendFormatted(between);
            }
            all.AppendFormatted(sentence);
        }
        return all;
    }

    /// <summary>A sentence said at once to the current audience, for notes and reasons that are kept as text.</summary>
    /// <param name="sentence">The sentence.</param>
    public static string Say(Sentence sentence)
    {
        ArgumentNullException.ThrowIfNull(sentence);
        return sentence.ToString();
    }

    /// <summary>For the compiler: words.</summary>
    /// <param name="value">The words.</param>
    public void AppendLiteral(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        _template.Append(
            value.Contains('{', StringComparison.Ordinal) || value.Contains('}', StringComparison.Ordinal)
                ? value.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal)
                : value
        );
    }

    /// <summary>For the compiler: a gap.</summary>
    /// <param name="value">A number, a name, a text or another sentence.</param>
    public void AppendFormatted(object? value) => Gap(value, 0, null);

    /// <summary>For the compiler: a gap.</summary>
    /// <param name="value">A number.</param>
    /// <param name="format">Its format.</param>
    public void AppendFormatted(object? value, string? format) => Gap(value, 0, format);

    /// <summary>For the compiler: a gap.</summary>
    /// <param name="value">A number, a name, a text or another sentence.</param>
    /// <param name="alignment">Least width.</param>
    /// <param name="format">Its format.</param>
    public void AppendFormatted(object? value, int alignment, string? format = null) => Gap(value, alignment, format);

    /// <summary>The sentence.</summary>
    /// <param name="audience">Who reads it.</param>
    public string For(Audience audience)
    {
        ArgumentNullException.ThrowIfNull(audience);
        string template = Translations.Of(Template, audience.Language);
        object?[] arguments = [.. _arguments.Select(argument => argument is Sentence inner ? inner.For(audience) : argument)];
        return audience.Vocabulary.Name(string.Format(CultureInfo.InvariantCulture, template, arguments));
    }

    /// <summary>The sentence for the current audience.</summary>
    public override string ToString() => For(Audience.Current);

    private void Gap(object? value, int alignment, string? format)
    {
        _template.Append('{').Append(_arguments.Count.ToString(CultureInfo.InvariantCulture));
        if (alignment != 0)
        {
            _template.Append(',').Append(alignment.ToString(CultureInfo.InvariantCulture));
        }
        if (format is not null)
        {
            _template.Append(':').Append(format);
        }
        _template.Append('}');
        _arguments.Add(value);
    }
}
