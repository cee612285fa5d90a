using System.Runtime.InteropServices;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Faults;

/// <summary>Any exception as a host shows it, in the words of the current audience. Hosts need no list of exception types: LatentSync's own
/// are
/// <see cref="IFault"/>s, and those of .NET are known here.</summary>
/// <param name="Kind">What has to change.</param>
/// <param name="Code">Stable code such as "MED0105"; null: none.</param>
/// <param name="Parameter">Property of the options that is concerned; null: none, or several.</param>
/// <param name="Message">What happened.</param>
/// <param name="Remedy">What to do, where it is known apart from the message; null otherwise.</param>
public sealed record FaultReport(FaultKind Kind, string? Code, string? Parameter, string Message, string? Remedy)
{
    /// <summary>The message has line ends of its own.</summary>
    public bool HasLines { get; init; }

    /// <summary>The exception is none that LatentSync foresaw: worth a bug report, with its stack trace.</summary>
    public bool IsUnexpected { get; init; }

    /// <summary>What to show of an exception.</summary>
    /// <param name="exception">What ended the request.</param>
    public static FaultReport Of(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return exception switch
        {
            AggregateException { InnerExceptions: [var only] } => Of(only),
            IFault fault => OfFault(fault),
            OperationCanceledException => new FaultReport(
                FaultKind.Cancelled,
                null,
                null,
                Say($"cancelled; no unfinished file was left behind"),
                null
            ),
            InsufficientMemoryException => new FaultReport(FaultKind.Machine, null, null, exception.Message, null),
            OutOfMemoryException => OutOfMemory(Say($"memory ran out")),
            // libtorch's allocators on devices throw this one.
            ExternalException when exception.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase) => OutOfMemory(
                Say($"the device's memory ran out")
            ),
            FileNotFoundException or DirectoryNotFoundException => new FaultReport(FaultKind.Input, null, null, exception.Message, null),
            IOException or UnauthorizedAccessException => new FaultReport(FaultKind.Failed, null, null, exception.Message, null),
            _ => new FaultReport(
                FaultKind.Failed,
                null,
                null,
                Say($"unexpected failure: {exception.GetType().Name}: {exception.Message}"),
                null
            )
            {
                IsUnexpected = true,
            },
        };
    }

    private static FaultReport OfFault(IFault fault)
    {
        string message = fault.Text.ToString();
        // Some messages name their code themselves.
        string named = fault.Code is { } code && !message.Contains(code, StringComparison.Ordinal) ? $"{code} {message}" : message;
        return new FaultReport(fault.Kind, fault.Code, fault.Parameter, named, fault.Remedy?.ToString()) { HasLines = fault.HasLines };
    }

    private static FaultReport OutOfMemory(string what)
    {
        string remedy = Say($"close other programs, lower ⟦Resolution⟧, use ⟦DType bf16⟧ or ⟦Device cpu⟧");
        return new FaultReport(FaultKind.Machine, null, null, $"{what}: {remedy}", remedy);
    }

    private static string Say(Sentence sentence) => sentence.ToString();
}
