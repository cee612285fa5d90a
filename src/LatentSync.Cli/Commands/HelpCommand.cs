using System.CommandLine;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync help`: the same as --help, for those who type it as a command.</summary>
internal static class HelpCommand
{
    private static readonly Argument<string[]> Names = new("COMMAND")
    {
        Description = "the command, name by name; none: all commands",
        Arity = ArgumentArity.ZeroOrMore,
    };

    public static Command Create()
    {
        TeachingCommand command = new(
            "help",
            "Shows the help of a command.",
            """
            Examples:
              latentsync help sync
              latentsync help attention verify
            """
        )
        {
            Names,
        };
        command.SetAction(Show);
        return command;
    }

    private static int Show(ParseResult parsed)
    {
        RootCommand root = (RootCommand)parsed.RootCommandResult.Command;
        List<string> path = [];
        Command command = root;
        foreach (string name in parsed.GetValue(Names) ?? [])
        {
            if (command.Subcommands.FirstOrDefault(child => child.Name == name || child.Aliases.Contains(name)) is not { } child)
            {
                return UsageReport.Write(
                    [UsageErrors.UnknownCommand(root.Parse(path).CommandResult, name)],
                    path,
                    FailureJson.IsAsked([.. parsed.Tokens.Select(token => token.Value)])
                );
            }
            command = child;
            path.Add(child.Name);
        }
        return root.Parse([.. path, "--help"]).Invoke(parsed.InvocationConfiguration);
    }
}
