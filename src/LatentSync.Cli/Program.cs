using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text;
using LatentSync.Cli;
using LatentSync.Cli.Commands;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Foundation.Wording;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
bool isJson = FailureJson.IsAsked(args);
RootCommand root = CommandTree.Create();
ParseResult parsed = root.Parse(args);
try
{
    // Before anything is said.
    Audience.Default = new Audience(Language.English, new CommandLineVocabulary());
    Audience.Default = Audience.Default with
    {
        Language = LanguageChoice.Of(CommandTree.LanguageIn(parsed), Environment.GetEnvironmentVariable),
    };
}
catch (FormatException exception)
{
    return UsageReport.Write([$"--lang: {exception.Message}"], [], isJson);
}
if (parsed.Action is ParseErrorAction)
{
    return UsageReport.Write(root, parsed, isJson);
}
using Termination termination = Termination.Listen();
InvocationConfiguration configuration = new()
{
    EnableDefaultExceptionHandler = false,
    ProcessTerminationTimeout = null, // signals are Termination's
};
try
{
    return await parsed.InvokeAsync(configuration, termination.Token);
}
catch (Exception exception)
{
    FailureContext context = new()
    {
        IsVerbose = parsed.GetValue(CommandTree.Verbose),
        IsJson = isJson,
        Signalled = termination.ExitCode,
        GoingOn = GoingOn.After(parsed, args),
    };
    return FailureReport.Write(exception, context);
}
