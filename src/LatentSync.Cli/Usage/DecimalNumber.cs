using System.CommandLine.Parsing;
using System.Globalization;

namespace LatentSync.Cli.Usage;

/// <summary>Reads numbers like 1.5. The parser's own rule takes a comma for a separator of thousands, so that "1,5" would become
/// 15.</summary>
internal static class DecimalNumber
{
    /// <summary>For <c>CustomParser</c>: a number with a point, or an error that shows what was typed.</summary>
    public static double Parse(ArgumentResult result) => Read(result) ?? 0;

    /// <summary>As <see cref="Parse"/>, for options without a default.</summary>
    public static double? ParseOptional(ArgumentResult result) => Read(result);

    private static double? Read(ArgumentResult result)
    {
        string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : string.Empty;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number))
        {
            return number;
        }
        // A value that is missing or given twice is the parser's own complaint; this one is said in the user's language later.
        result.AddError(
            ValueErrors.Wrong(result.Parent is OptionResult parent ? parent.Option.Name : result.Argument.Name, typeof(double), text)
                ?? $"\"{text}\"?"
        );
        return null;
    }
}
