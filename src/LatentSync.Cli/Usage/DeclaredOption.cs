using System.CommandLine;
using LatentSync.Foundation.Options;

namespace LatentSync.Cli.Usage;

/// <summary>Options of the command line made from a library's declarations: name, help, default and choices come from there.</summary>
internal static class DeclaredOption
{
    /// <summary>Makes an option.</summary>
    /// <param name="declared">What the library says.</param>
    /// <param name="aliases">Short names.</param>
    public static Option Of(OptionDeclaration declared, params string[] aliases)
    {
        Option option = Make(declared);
        option.Description ??= declared.Help;
        option.HelpName ??= ValueName(declared);
        option.Required = declared.IsRequired;
        foreach (string alias in aliases)
        {
            option.Aliases.Add(alias);
        }
        return option;
    }

    /// <summary>The value that a command line gives an option.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="option">From <see cref="Of"/>.</param>
    public static object? Value(ParseResult parsed, Option option) =>
        option switch
        {
            SwitchOption words => parsed.GetValue(words) == SwitchOption.On,
            Option<string> text => parsed.GetValue(text),
            Option<int> number => parsed.GetValue(number),
            Option<int?> number => parsed.GetValue(number),
            Option<long> number => parsed.GetValue(number),
            Option<double> number => parsed.GetValue(number),
            Option<double?> number => parsed.GetValue(number),
            Option<bool> flag => parsed.GetValue(flag),
            _ => throw new InvalidOperationException($"{option.Name} is of no known type."),
        };

    private static Option Make(OptionDeclaration declared)
    {
        string name = CommandLineVocabulary.OptionName(declared.Name);
        if (declared.Choices is { } choices)
        {
            return new ChoiceOption(name, choices) { DefaultValueFactory = _ => (string)declared.Default! };
        }
        return (declared.ValueType, declared.Default) switch
        {
            (var type, _) when type == typeof(bool) => new Option<bool>(name),
            (var type, string text) when type == typeof(string) => new Option<string>(name) { DefaultValueFactory = _ => text },
            (var type, _) when type == typeof(string) => new Option<string>(name),
            (var type, int number) when type == typeof(int) => new Option<int>(name) { DefaultValueFactory = _ => number },
            (var type, _) when type == typeof(int) => new Option<int?>(name),
            (var type, long number) when type == typeof(long) => new Option<long>(name) { DefaultValueFactory = _ => number },
            (var type, double number) when type == typeof(double) => new Option<double>(name)
            {
                DefaultValueFactory = _ => number,
                CustomParser = DecimalNumber.Parse,
            },
            (var type, _) when type == typeof(double) => new Option<double?>(name) { CustomParser = DecimalNumber.ParseOptional },
            _ => throw new InvalidOperationException($"{declared.Name} has a type that no command line reads: {declared.ValueType.Name}."),
        };
    }

    private static string? ValueName(OptionDeclaration declared) =>
        declared switch
        {
            { ValueType: var type } when type == typeof(bool) => null,
            { Choices: not null } => "NAME",
            { Text: OptionText.InputFolder } => "DIR",
            { Text: OptionText.InputFile or OptionText.OutputFile } => "FILE",
            { Unit: "seconds" } => "SECONDS",
            { ValueType: var type } when type == typeof(double) => "X",
            { ValueType: var type } when type == typeof(string) => "TEXT",
            _ => "N",
        };
}
