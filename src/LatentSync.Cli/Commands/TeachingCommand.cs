using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace LatentSync.Cli.Commands;

/// <summary>A command whose own `--help` goes on, after the options, with how to use it; lists of commands show only the first sentence.</summary>
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
    public static void Enable(RootCommand root, string rootTeaching)
    {
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new TeachingHelp((HelpAction)help.Action!, rootTeaching);
    }

    private sealed class TeachingHelp(HelpAction standard, string rootTeaching) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            int code = standard.Invoke(parseResult);
            string? text = parseResult.CommandResult.Command switch
            {
                TeachingCommand command => command.Teaching,
                RootCommand => rootTeaching,
                _ => null,
            };
            if (text is not null)
            {
                parseResult.InvocationConfiguration.Output.WriteLine(text);
            }
            return code;
        }
    }
}
