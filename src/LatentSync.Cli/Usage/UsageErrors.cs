using System.CommandLine;
using System.CommandLine.Parsing;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Usage;

/// <summary>What is wrong with a command line, each fault once, with the nearest name where one is misspelt.</summary>
internal static class UsageErrors
{
    /// <summary>How the parser's own sentences begin that are said anew here.</summary>
    private static readonly string[] SaidAnew =
    [
        "Unrecognized command or argument",
        "Required command was not provided",
        "Required argument",
        "Option '",
    ];

    /// <summary>The faults as sentences, in the language of the moment; at least one where the parser found any.</summary>
    /// <param name="parsed">The command line.</param>
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        List<string> faults = [];
        Command command = parsed.CommandResult.Command;
        if (
            command.Subcommands.Count > 0
            && parsed.UnmatchedTokens is [var word, ..]
            && !word.StartsWith('-')
            && SwitchBefore(parsed, word) is null
        )
        {
            return [UnknownCommand(parsed.CommandResult, word)]; // what follows belongs to it
        }
        HashSet<string> meant = [];
        List<string> unmatched = [];
        foreach (string token in parsed.UnmatchedTokens)
        {
            // "--json=maybe": the parser takes the switch and leaves the rest.
            if (SwitchBefore(parsed, token) is { } name)
            {
                faults.Add(ValueErrors.Wrong(name, typeof(bool), token)!);
                continue;
            }
            unmatched.Add(token);
        }
        Unknown(unmatched, parsed.CommandResult, meant, faults);
        Missing(parsed, meant, faults);
        foreach (ParseError error in parsed.Errors)
        {
            if (OptionOf(error.SymbolResult) is { Implicit: false } option)
            {
                faults.Add(ValueErrors.Of(option, error.Message));
            }
            else if (
                error.SymbolResult is ArgumentResult { Parent: CommandResult place } argument
                && MisspeltOptions(argument).ToArray() is { Length: > 0 } misspelt
            )
            {
                Unknown(misspelt, place, meant, faults);
            }
            else if (!SaidAnew.Any(start => error.Message.StartsWith(start, StringComparison.Ordinal)))
            {
                faults.Add(error.Message);
            }
        }
        return faults.Count > 0 ? [.. faults.Distinct()] : [.. parsed.Errors.Select(error => error.Message).Distinct()];
    }

    /// <summary>There is no such command here; names the nearest one, or the place where one of that name is.</summary>
    /// <param name="place">Where it was looked for.</param>
    /// <param name="word">What was typed.</param>
    public static string UnknownCommand(CommandResult place, string word)
    {
        string? near =
            NearestName.Of(word, place.Command.Subcommands.Where(command => !command.Hidden).Select(command => command.Name))
            ?? Below(place.Command, word).FirstOrDefault();
        return Unrecognized(word, near);
    }

    /// <summary>Refuses options among a command's arguments: a command that takes any number of folders would take "--detials" for
    /// one.</summary>
    /// <param name="command">The command; those below it too.</param>
    public static void RefuseMisspeltOptions(Command command)
    {
        foreach (Argument argument in command.Arguments)
        {
            argument.Validators.Add(result =>
            {
                foreach (string token in MisspeltOptions(result))
                {
                    result.AddError(Unrecognized(token, null));
                }
            });
        }
        foreach (Command child in command.Subcommands)
        {
            RefuseMisspeltOptions(child);
        }
    }

    private static IEnumerable<string> MisspeltOptions(ArgumentResult result) =>
        result
            .Tokens.Select(token => token.Value)
            .Where(value => value.Length > 2 && value.StartsWith("--", StringComparison.Ordinal) && !Path.Exists(value));

    // Options that are not there, and arguments nobody asked for; meant receives the options that were probably meant.
    private static void Unknown(IEnumerable<string> tokens, CommandResult place, HashSet<string> meant, List<string> faults)
    {
        string[] names = [.. OptionsOf(place).SelectMany(option => option.Aliases.Prepend(option.Name))];
        bool mayBeValue = false;
        foreach (string token in tokens)
        {
            if (!token.StartsWith('-') || token.Length < 2)
            {
                // What stands after an unknown option is its value.
                if (!mayBeValue)
                {
                    faults.Add(Unrecognized(token, null));
                }
                mayBeValue = false;
                continue;
            }
            int end = token.IndexOfAny(['=', ':']);
            string name = end < 0 ? token : token[..end];
            string? near = NearestName.Of(name, names.Where(known => known.StartsWith("--", StringComparison.Ordinal)));
            if (near is not null)
            {
                meant.Add(near);
            }
            faults.Add(Unrecognized(name, near));
            mayBeValue = end < 0;
        }
    }

    private static void Missing(ParseResult parsed, HashSet<string> meant, List<string> faults)
    {
        foreach (
            Option option in OptionsOf(parsed.CommandResult)
                .Where(option =>
                    option.Required && parsed.GetResult(option) is (null or { Implicit: true }) && !meant.Contains(option.Name)
                )
        )
        {
            string how = $"{option.Name} {option.HelpName}".TrimEnd();
            faults.Add(Say.In($"Option '{option.Name}' is required: {how}, {option.Description}", $"缺少选项 {how}"));
        }
        foreach (
            Argument argument in parsed.CommandResult.Command.Arguments.Where(argument =>
                (parsed.GetResult(argument)?.Tokens.Count ?? 0) < argument.Arity.MinimumNumberOfValues
            )
        )
        {
            faults.Add(Say.In($"{argument.Name} is missing: {argument.Description}", $"缺少参数 {argument.Name}"));
        }
    }

    private static IEnumerable<Option> OptionsOf(CommandResult place) =>
        place.Parent is CommandResult parent
            ? place.Command.Options.Concat(OptionsOf(parent).Where(option => option.Recursive))
            : place.Command.Options;

    // The switch that a token stands behind, which is no value of it.
    private static string? SwitchBefore(ParseResult parsed, string token) =>
        parsed
            .Tokens.Zip(parsed.Tokens.Skip(1))
            .Where(pair => pair.Second.Value == token && pair.First.Type == TokenType.Option && !bool.TryParse(token, out _))
            .Select(pair =>
                OptionsOf(parsed.CommandResult)
                    .FirstOrDefault(option => option.Name == pair.First.Value || option.Aliases.Contains(pair.First.Value))
            )
            .FirstOrDefault(option => option?.ValueType == typeof(bool))
            ?.Name;

    // "verify" typed where "attention verify" was meant.
    private static IEnumerable<string> Below(Command command, string word) =>
        command.Subcommands.SelectMany(child =>
            child.Subcommands.Where(grandchild => grandchild.Name == word).Select(grandchild => $"{child.Name} {grandchild.Name}")
        );

    private static string Unrecognized(string word, string? near)
    {
        string shown = PrintableText.Escape(word);
        return Say.In($"Unrecognized command or argument '{shown}'", $"无法识别的命令或参数“{shown}”") + Say.DidYouMean(near);
    }

    private static OptionResult? OptionOf(SymbolResult? result) => result as OptionResult ?? result?.Parent as OptionResult;
}
