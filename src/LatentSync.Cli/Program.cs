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
InvocationConfiguration configuration = new()
{
    EnableDefaultExceptionHandler = false,
    // Time to finish a block of the network (seconds at full size), stop ffmpeg and delete partial files after Ctrl+C.
    ProcessTerminationTimeout = TimeSpan.FromMinutes(2),
};
try
{
    return await parsed.InvokeAsync(configuration);
}
catch (Exception exception)
{
    return FailureReport.Write(exception, parsed.GetValue(CommandTree.Verbose));
}
