using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SharpYaml;
using SharpYaml.Events;

namespace LatentSync.Models.Loading;

/// <summary>Types of YAML's scalars as the original's loader sees them: PyYAML's rules (YAML 1.1: yes, 0x10, 1_000, 010 is eight), with
/// OmegaConf's for floats (1e-5 is a number) and without dates.</summary>
internal static partial class YamlScalars
{
    private const string Prefix = "tag:yaml.org,2002:";

    /// <summary>A scalar's value.</summary>
    /// <returns>IsKnown is false when the scalar's tag is not read, or the text is not of the tag's type. What JSON has no number for
    /// (.inf, 1:30) stays a text.</returns>
    public static (bool IsKnown, JsonNode? Value) ToJson(Scalar scalar)
    {
        string text = scalar.Value;
        if (scalar.Tag is { Length: > 0 } tag && tag != "!")
        {
            return tag switch
            {
                Prefix + "str" => (true, JsonValue.Create(text)),
                Prefix + "null" => (IsNull(text), null),
                Prefix + "bool" when Boolean(text) is { } flag => (true, JsonValue.Create(flag)),
                Prefix + "int" when Integer(text) is { } integer => (true, integer),
                Prefix + "float" when (Float(text) ?? Integer(text)) is { } number => (true, number),
                _ => (false, null),
            };
        }
        return (true, scalar.Style != ScalarStyle.Plain ? JsonValue.Create(text) : Plain(text));
    }

    private static JsonValue? Plain(string text) =>
        IsNull(text) ? null
        : Boolean(text) is { } flag ? JsonValue.Create(flag)
        : Integer(text) ?? Float(text) ?? JsonValue.Create(text);

    private static bool IsNull(string text) => text is "" or "~" or "null" or "Null" or "NULL";

    private static bool? Boolean(string text) =>
        text switch
        {
            "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" => true,
            "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" => false,
            _ => null,
        };

    private static JsonValue? Integer(string text)
    {
        if (text.Length > 100 || !IntegerForm().IsMatch(text))
        {
            return null;
        }
        bool isNegative = text[0] == '-';
        string digits = text.TrimStart('-', '+').Replace("_", "", StringComparison.Ordinal);
        BigInteger value = digits switch
        {
            ['0', 'x', ..] => BigInteger.Parse("0" + digits[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            ['0', 'b', ..] => BigInteger.Parse("0" + digits[2..], NumberStyles.BinaryNumber, CultureInfo.InvariantCulture),
            ['0', _, ..] => digits.Aggregate(BigInteger.Zero, (sum, digit) => (sum * 8) + (digit - '0')),
            _ => BigInteger.Parse(digits, CultureInfo.InvariantCulture),
        };
        value = isNegative ? -value : value;
        return value >= long.MinValue && value <= long.MaxValue ? JsonValue.Create((long)value) : JsonValue.Create((double)value);
    }

    private static JsonValue? Float(string text) =>
        text.Length <= 100
        && FloatForm().IsMatch(text)
        && double.TryParse(
            text.Replace("_", "", StringComparison.Ordinal),
            NumberStyles.Float,
            CultureInfo.InvariantCulture,
            out double number
        )
        && double.IsFinite(number)
            ? JsonValue.Create(number)
            : null;

    [GeneratedRegex(
        @"\A[-+]?(?:0b[0-1_]*[01][0-1_]*|0[0-7_]*|[1-9][0-9_]*|0x[0-9a-fA-F_]*[0-9a-fA-F][0-9a-fA-F_]*)\z",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex IntegerForm();

    [GeneratedRegex(
        @"\A[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?)\z",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex FloatForm();
}
