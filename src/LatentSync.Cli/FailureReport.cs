using LatentSync.Cli.Display;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli;

/// <summary>Turns an exception into one clear message on standard error and the right exit code.</summary>
internal static class FailureReport
{
    /// <summary>Writes the message; the stack trace only when asked for.</summary>
    /// <param name="exception">What ended the run.</param>
    /// <param name="context">How it is reported.</param>
    /// <returns>The exit code: the signal's where one came.</returns>
    public static int Write(Exception exception, FailureContext context)
    {
        FaultReport fault = FaultReport.Of(exception);
        bool isCancelled = fault.Kind == FaultKind.Cancelled;
        string? remedy = isCancelled ? context.GoingOn : fault.Remedy;
        string message = fault.IsUnexpected
            ? fault.Message + Say.In(" (--verbose shows where; please report it)", "（--verbose 显示出错位置；请报告此问题）")
            : fault.Message;
        int code = context.Signalled ?? ExitCode.Of(fault.Kind);
        try
        {
            Say.Failure(message, fault.HasLines);
            if (isCancelled && remedy is not null)
            {
                Say.Failure(remedy);
            }
            if (context.IsVerbose)
            {
                Console.Error.WriteLine(PrintableText.Escape(exception.ToString(), keepLines: true));
            }
            if (context.IsJson)
            {
                new FailureJson(fault.Kind.ToString().ToLowerInvariant(), fault.Code, message, remedy, code)
                {
                    Option = fault.Parameter is { } parameter ? Usage.CommandLineVocabulary.OptionName(parameter) : null,
                }.Write();
            }
        }
        catch (IOException) when (context.Signalled is not null)
        {
            // The terminal is gone; the exit code is all that can be said.
        }
        return code;
    }
}
