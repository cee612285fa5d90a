using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text;
using LatentSync.Attention.Wording;
using LatentSync.Cli;
using LatentSync.Cli.Commands;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
RootCommand root = CommandTree.Create();
ParseResult parsed = root.Parse(args);
if (parsed.Action is ParseErrorAction)
{
    return UsageReport.Write(root, parsed);
}
try
{
    Languages.Current = LanguageChoice.Of(parsed.GetValue(CommandTree.Language), Environment.GetEnvironmentVariable);
}
catch (FormatException exception)
{
    Console.Error.WriteLine($"latentsync: --lang: {exception.Message}");
    return ExitCode.Usage;
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
    return FailureReport.Write(exception, parsed.GetValue(CommandTree.Verbose), termination.ExitCode, GoingOn.After(parsed, args));
}
