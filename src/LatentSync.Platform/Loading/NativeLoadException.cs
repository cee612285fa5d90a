using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Platform.Loading;

/// <summary>A native library cannot be loaded, and why.</summary>
public sealed class NativeLoadException : Exception, IFault
{
    /// <summary>Makes the exception.</summary>
    /// <param name="failure">The cause.</param>
    /// <param name="trace">Each attempt so far, in order.</param>
    /// <param name="innerException">What the system threw, if it did.</param>
    public NativeLoadException(NativeLoadFailure failure, IReadOnlyList<LoadStep> trace, Exception? innerException = null)
        : base(null, innerException)
    {
        ArgumentNullException.ThrowIfNull(failure);
        Failure = failure;
        Trace = trace;
    }

    /// <summary>The cause as data.</summary>
    public NativeLoadFailure Failure { get; }

    /// <summary>Each attempt, in order.</summary>
    public IReadOnlyList<LoadStep> Trace { get; }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Machine;

    /// <inheritdoc/>
    public Sentence Text => Failure.Text;

    /// <inheritdoc/>
    public override string Message => Text.ToString();

    string? IFault.Code => Failure.Code;

    Sentence? IFault.Remedy => Failure.Remedy;

    bool IFault.HasLines => true;
}
