using System.Runtime.InteropServices;
using LatentSync.Attention;
using LatentSync.Checkpoints;
using LatentSync.Chunks;
using LatentSync.Compute;
using LatentSync.Doctor.Machines;
using LatentSync.Evaluation;
using LatentSync.Evaluation.Demo;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Lab.Parity;
using LatentSync.Media;
using LatentSync.Media.Faces;
using LatentSync.Media.Video;
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
    /// <param name="verbose">With the stack trace.</param>
    /// <param name="signalled">Exit code of the signal that cancelled the run; null: none came.</param>
    /// <param name="goingOn">How to go on after a cancelled run; null: nothing to say.</param>
    public static int Write(Exception exception, bool verbose, int? signalled = null, string? goingOn = null)
    {
        Exception cause = exception is AggregateException { InnerExceptions.Count: 1 } aggregate ? aggregate.InnerExceptions[0] : exception;
        (int code, string message) = Classify(cause);
        try
        {
            if (code == ExitCode.Cancelled)
            {
                Console.Error.WriteLine("latentsync: cancelled; no unfinished file was left behind");
                if (goingOn is not null)
                {
                    Console.Error.WriteLine($"latentsync: {goingOn}");
                }
            }
            else
            {
                // Only these have messages of several lines; elsewhere a line end is somebody's file name.
                Console.Error.WriteLine($"latentsync: {PrintableText.Escape(message, keepLines: cause is AttentionUnavailableException or NativeLoadException or ParityException)}");
            }
            if (verbose)
            {
                Console.Error.WriteLine(PrintableText.Escape(cause.ToString(), keepLines: true));
            }
        }
        catch (IOException) when (signalled is not null)
        {
            // The terminal is gone; the exit code is all that can be said.
        }
        return signalled ?? code;
    }

    private static (int Code, string Message) Classify(Exception exception) =>
        exception switch
        {
            OperationCanceledException => (ExitCode.Cancelled, exception.Message),
            FfmpegNotFoundException or NativeLoadException or AttentionUnavailableException or DeviceUnavailableException or InsufficientMemoryException => (ExitCode.Machine, exception.Message),
            FaceException face => (face.IsInputFault ? ExitCode.Usage : ExitCode.Machine, face.Message),
            MediaException media => (media.IsInputFault ? ExitCode.Usage : ExitCode.Failed, media.Message),
            InputFileException or SyncOptionsException or CheckpointFolderException or CheckpointFormatException or CheckpointMismatchException or UNetInputException or DemoFolderException or ModelConfigurationException or ParityException or MachineDescriptionException or TrainingDataException or TrainingException or EvaluationException => (
                ExitCode.Usage,
                exception.Message
            ),
            NonFiniteResultException => (ExitCode.Failed, exception.Message),
            ExternalException when exception.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase) => (
                ExitCode.Machine,
                "the device's memory ran out: close other programs, lower --resolution, use --dtype bf16 or --device cpu"
            ),
            OutputPathException => (ExitCode.Usage, exception.Message),
            FileNotFoundException or DirectoryNotFoundException => (ExitCode.Usage, exception.Message),
            IOException or UnauthorizedAccessException => (ExitCode.Failed, exception.Message),
            OutOfMemoryException => (ExitCode.Machine, "memory ran out: close other programs, lower --resolution, or use --dtype bf16"),
            _ => (ExitCode.Failed, $"unexpected failure: {exception.GetType().Name}: {exception.Message} (--verbose shows where; please report it)"),
        };
}
