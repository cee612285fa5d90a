using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace LatentSync.Cli.Usage;

/// <summary>What is wrong with an option's value, in the user's words: no type of the program appears.</summary>
internal static class ValueErrors
{
    private static readonly HashSet<Type> WholeNumbers =
    [
        typeof(int),
        typeof(long),
        typeof(short),
        typeof(byte),
        typeof(uint),
        typeof(ulong),
    ];
    private static readonly HashSet<Type> Numbers = [typeof(double), typeof(float), typeof(decimal)];

    /// <summary>One sentence; the parser's own where nothing is known to be wrong here.</summary>
    /// <param name="result">The option as it was given.</param>
    /// <param name="fallback">What the parser says.</param>
    public static string Of(OptionResult result, string fallback)
    {
        Option option = result.Option;
        string[] values = [.. result.Tokens.Select(token => token.Value)];
        if (values.Length == 0 && option.Arity.MinimumNumberOfValues > 0)
        {
            string how = $"{option.Name} {option.HelpName}".TrimEnd();
            return Say.In($"{option.Name} needs a value: {how}", $"{option.Name} 需要一个值：{how}");
        }
        if (values.Length > option.Arity.MaximumNumberOfValues)
        {
            return Say.In(
                $"{option.Name} is given {values.Length} times; it takes one value",
                $"{option.Name} 给了 {values.Length} 次；只能给一次"
            );
        }
        if (option is ChoiceOption choice && values.Select(choice.Objection).OfType<string>().FirstOrDefault() is { } objection)
        {
            return objection;
        }
        Type type = Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
        type = type.IsArray ? type.GetElementType()! : type;
        return values.Select(value => Wrong(option.Name, type, value)).OfType<string>().FirstOrDefault() ?? fallback;
    }

    /// <summary>Why a text is no value of a type; null where it is one, or the type is none of numbers and switches.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="type">The value's type.</param>
    /// <param name="text">What was typed.</param>
    public static string? Wrong(string name, Type type, string text)
    {
        if (WholeNumbers.Contains(type))
        {
            return IsWhole(text, type) ? null
                : decimal.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
                    ? Say.In($"{name} cannot be as large as {text}", $"{name} 不能是 {text}：超出范围")
                : Say.In($"{name} needs a whole number, not \"{text}\"", $"{name} 需要整数，而不是“{text}”");
        }
        if (Numbers.Contains(type))
        {
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)
                ? null
                : Say.In($"{name} needs a number such as 1.5, not \"{text}\"", $"{name} 需要数字，例如 1.5，而不是“{text}”");
        }
        return type == typeof(bool) && !bool.TryParse(text, out _)
            ? Say.In($"{name} is a switch: leave out \"{text}\", or write true or false", $"{name} 是开关：去掉“{text}”，或写 true、false")
            : null;
    }

    private static bool IsWhole(string text, Type type) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out decimal number)
        && number >= Convert.ToDecimal(type.GetField(nameof(int.MinValue))!.GetValue(null), CultureInfo.InvariantCulture)
        && number <= Convert.ToDecimal(type.GetField(nameof(int.MaxValue))!.GetValue(null), CultureInfo.InvariantCulture);
}
