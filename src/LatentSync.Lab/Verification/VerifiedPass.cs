using LatentSync.Attention.Torch.Backends;
using static TorchSharp.torch;

namespace LatentSync.Lab.Verification;

/// <summary>What a <see cref="BackendVerifier"/> does with one problem: how a backend is run, what of it is timed, and what its results are
/// compared with.</summary>
internal abstract class VerifiedPass : IDisposable
{
    /// <summary>Where the operands are.</summary>
    internal abstract Device Device { get; }

    /// <summary>Rows that are compared.</summary>
    internal abstract long CheckedRows { get; }

    /// <summary>Largest relative error that passes.</summary>
    internal abstract double Tolerance { get; }

    /// <summary>Floating-point operations of what is timed; half of it when causal.</summary>
    internal abstract double FlopCount { get; }

    /// <summary>Runs a backend once.</summary>
    internal abstract PassOutcome Run(IAttentionBackend backend);

    /// <summary>Compares with float64.</summary>
    internal abstract VerificationResult Judge(VerificationResult result, in PassOutcome outcome);

    /// <summary>The same as something to be timed.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="outcome">Of <see cref="Run"/>: what it took.</param>
    internal abstract TimedCall Timed(IAttentionBackend backend, in PassOutcome outcome);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>What is wrong with the form of a tensor; null when nothing is.</summary>
    private protected static string? WrongForm(string name, Tensor tensor, long[] shape, ScalarType dtype) =>
        tensor.shape.SequenceEqual(shape) && tensor.dtype == dtype
            ? null
            : $"the {name} is ({string.Join(", ", tensor.shape)}) {tensor.dtype}, not ({string.Join(", ", shape)}) {dtype}";

    /// <summary>The result with its errors and the verdict on them.</summary>
    private protected static VerificationResult Judged(VerificationResult result, bool finite, double maxAbs, double relative) =>
        result with
        {
            MaxAbsError = double.IsFinite(maxAbs) ? maxAbs : null,
            RelativeError = double.IsFinite(relative) ? relative : null,
            Passed = finite && relative <= result.Tolerance,
            Failure =
                !finite ? "the result is not finite"
                : relative <= result.Tolerance ? null
                : "the error is above the tolerance",
        };

    private protected static bool IsFinite(Tensor tensor) => tensor.numel() == 0 || tensor.isfinite().all().item<bool>();
}

/// <summary>What one run of a backend gave; disposing it frees the tensors.</summary>
/// <param name="Tensors">The output, or the gradients of query, key and value.</param>
/// <param name="Seconds">What the timed part took.</param>
/// <param name="SecondsBeside">What went before it.</param>
internal readonly record struct PassOutcome(IReadOnlyList<Tensor> Tensors, double Seconds, double SecondsBeside = 0) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in Tensors)
        {
            tensor.Dispose();
        }
    }
}
