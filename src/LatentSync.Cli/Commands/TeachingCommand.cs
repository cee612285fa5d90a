using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using LatentSync.Cli.Display;

namespace LatentSync.Cli.Commands;

/// <summary>A command whose own `--help` goes on, after the options, with how to use it; lists of commands show only the first
/// sentence.</summary>
internal sealed class TeachingCommand : Command
{
    public TeachingCommand(string name, string description, string teaching)
        : base(name, description)
    {
        Teaching = teaching;
    }

    /// <summary>What a user should know, with examples.</summary>
    public string Teaching { get; }

    /// <summary>Lets `--help` of the whole tree print each command's teaching.</summary>
    /// <param name="root">The tree.</param>
    /// <param name="rootTeaching">What the help of the program itself goes on with.</param>
    /// <param name="width">Columns; null: the terminal's.</param>
    public static void Enable(RootCommand root, string rootTeaching, int? width)
    {
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new TeachingHelp((HelpAction)help.Action!, rootTeaching, width);
    }

    private sealed class TeachingHelp(HelpAction standard, string rootTeaching, int? width) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            TextWriter output = parseResult.InvocationConfiguration.Output;
            int? columns = width ?? (ReferenceEquals(output, Console.Error) ? TerminalWidth.OfErrors : TerminalWidth.OfOutput);
            standard.MaxWidth = columns ?? int.MaxValue;
            int code = standard.Invoke(parseResult);
            string? text = parseResult.CommandResult.Command switch
            {
                TeachingCommand command => command.Teaching,
                RootCommand => rootTeaching,
                _ => null,
            };
            foreach (string line in text is null ? [] : HelpText.Lines(text, columns, OperatingSystem.IsWindows() ? string.Empty : "\\"))
            {
                output.WriteLine(line);
            }
            return code;
        }
    }
}
