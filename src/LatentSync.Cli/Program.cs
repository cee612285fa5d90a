using System.CommandLine;
using System.Text;
using LatentSync.Cli;
using LatentSync.Cli.Commands;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
RootCommand root = CommandTree.Create();
ParseResult parsed = root.Parse(args);
InvocationConfiguration configuration = new()
{
    EnableDefaultExceptionHandler = false,
    // Time to finish a block of the network (seconds at full size), stop ffmpeg and delete partial files after Ctrl+C.
    ProcessTerminationTimeout = TimeSpan.FromMinutes(2),
};
try
{
    int code = await parsed.InvokeAsync(configuration);
    // The parser's own errors (unknown option, missing value) come back as 1; in our contract wrong usage is 2.
    return parsed.Errors.Count > 0 ? ExitCode.Usage : code;
}
catch (Exception exception)
{
    return FailureReport.Write(exception, parsed.GetValue(CommandTree.Verbose));
}
