using System.Runtime.InteropServices;
using LatentSync.Attention;
using LatentSync.Checkpoints;
using LatentSync.Chunks;
using LatentSync.Cli.Display;
using LatentSync.Compute;
using LatentSync.Doctor.Machines;
using LatentSync.Evaluation;
using LatentSync.Evaluation.Demo;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Lab.Parity;
using LatentSync.Media;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Tools;
using LatentSync.Models.Loading;
using LatentSync.Models.UNets;
using LatentSync.Networks;
using LatentSync.Platform.Loading;
using LatentSync.Training.Datasets;
using LatentSync.Training.Loops;

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
        Exception cause = exception is AggregateException { InnerExceptions.Count: 1 } aggregate ? aggregate.InnerExceptions[0] : exception;
        (int code, string message) = Classify(cause);
        bool isCancelled = code == ExitCode.Cancelled;
        FailureFacts facts = isCancelled ? new(null, context.GoingOn) : FailureFacts.Of(cause);
        string said = isCancelled
            ? Say.In("cancelled; no unfinished file was left behind", "已取消；没有留下未完成的文件")
            : facts.Named(message);
        code = context.Signalled ?? code;
        try
        {
            // Only these have messages of several lines; elsewhere a line end is somebody's file name.
            Say.Failure(said, keepLines: cause is AttentionUnavailableException or NativeLoadException or ParityException);
            if (isCancelled && context.GoingOn is { } goingOn)
            {
                Say.Failure(goingOn);
            }
            if (context.IsVerbose)
            {
                Console.Error.WriteLine(PrintableText.Escape(cause.ToString(), keepLines: true));
            }
            if (context.IsJson)
            {
                new FailureJson(FailureJson.KindOf(code), facts.Code, said, facts.Remedy, code).Write();
            }
        }
        catch (IOException) when (context.Signalled is not null)
        {
            // The terminal is gone; the exit code is all that can be said.
        }
        return code;
    }

    private static (int Code, string Message) Classify(Exception exception) =>
        exception switch
        {
            OperationCanceledException => (ExitCode.Cancelled, exception.Message),
            FfmpegNotFoundException
            or NativeLoadException
            or AttentionUnavailableException
            or DeviceUnavailableException
            or InsufficientMemoryException => (ExitCode.Machine, exception.Message),
            FaceException face => (face.IsInputFault ? ExitCode.Usage : ExitCode.Machine, face.Message),
            MediaException media => (media.IsInputFault ? ExitCode.Usage : ExitCode.Failed, media.Message),
            InputFileException
            or SyncOptionsException
            or CheckpointFolderException
            or CheckpointFormatException
            or CheckpointMismatchException
            or UNetInputException
            or DemoFolderException
            or ModelConfigurationException
            or ParityException
            or MachineDescriptionException
            or TrainingDataException
            or TrainingException
            or EvaluationException => (ExitCode.Usage, exception.Message),
            NonFiniteResultException => (ExitCode.Failed, exception.Message),
            ExternalException when exception.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase) => (
                ExitCode.Machine,
                "the device's memory ran out: close other programs, lower --resolution, use --dtype bf16 or --device cpu"
            ),
            OutputPathException => (ExitCode.Usage, exception.Message),
            FileNotFoundException or DirectoryNotFoundException => (ExitCode.Usage, exception.Message),
            IOException or UnauthorizedAccessException => (ExitCode.Failed, exception.Message),
            OutOfMemoryException => (ExitCode.Machine, "memory ran out: close other programs, lower --resolution, or use --dtype bf16"),
            _ => (
                ExitCode.Failed,
                $"unexpected failure: {exception.GetType().Name}: {exception.Message} (--verbose shows where; please report it)"
            ),
        };
}
