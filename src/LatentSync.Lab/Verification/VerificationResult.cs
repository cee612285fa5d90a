using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Tuning;
using LatentSync.Attention.Workloads;

namespace LatentSync.Lab.Verification;

/// <summary>One layer of a workload in one element type, checked and timed on every backend that runs it.</summary>
/// <param name="Workload">The workload.</param>
/// <param name="Layer">The layer.</param>
/// <param name="Problem">Its problem in the element type and on the device that was used.</param>
/// <param name="Chosen">The backend that the selection takes; null when none runs.</param>
/// <param name="Results">One entry per backend that ran, in the order of the ranking.</param>
/// <param name="Skipped">Verdicts of the backends whose rules refuse the problem.</param>
public sealed record LayerVerification(
    Workload Workload,
    WorkloadLayer Layer,
    AttentionProblem Problem,
    string? Chosen,
    IReadOnlyList<VerificationResult> Results,
    IReadOnlyList<Verdict> Skipped
)
{
    /// <summary>Median of the machine's multiply-add peak, in 10⁹ floating-point operations per second, measured in turns with the
    /// backends; null for GPUs.</summary>
    public double? FmaGflops { get; init; }

    /// <summary>The best of these measurements.</summary>
    public double? BestFmaGflops { get; init; }

    /// <summary>What a tuning table takes from it.</summary>
    public MeasuredLayer ToMeasured() =>
        new(Problem, Layer.Repeats, [.. Results.Select(result => new MeasuredBackend(result.Backend, result.Passed, result.Milliseconds))]);

    /// <summary>(Time of the best other backend) / (a backend's own time), of those that passed: above 1 it is the faster one. null when it
    /// or all others did not pass or were not timed.</summary>
    /// <param name="backend">Backend's name.</param>
    public double? SpeedOverBestOther(string backend)
    {
        VerificationResult[] right = [.. Results.Where(result => result is { Passed: true, Milliseconds: > 0 })];
        double? own = right.FirstOrDefault(result => result.Backend == backend)?.Milliseconds;
        return right.Where(result => result.Backend != backend).Min(result => result.Milliseconds) / own;
    }
}

/// <summary>How one backend computed one problem.</summary>
public sealed record VerificationResult
{
    /// <summary>Backend's name.</summary>
    public required string Backend { get; init; }

    /// <summary>The selection takes this one.</summary>
    public bool IsChosen { get; init; }

    /// <summary>Every checked row is within the tolerance, and the whole result is finite.</summary>
    public bool Passed { get; init; }

    /// <summary>What the backend threw, or what is wrong with its result; null when it passed.</summary>
    public string? Failure { get; init; }

    /// <summary>Largest difference of an element from float64; null when there is no finite one.</summary>
    public double? MaxAbsError { get; init; }

    /// <summary>Largest, over the checked rows, of |actual - expected| / |expected| (Euclidean); null when there is no finite
    /// one.</summary>
    public double? RelativeError { get; init; }

    /// <summary>In training: the relative errors of the gradients of query, key and value, of which <see cref="RelativeError"/> is the
    /// largest.</summary>
    public IReadOnlyList<double>? GradientErrors { get; init; }

    /// <summary>The bound of <see cref="RelativeError"/>.</summary>
    public double Tolerance { get; init; }

    /// <summary>Rows (query vectors of all heads) that were compared with float64.</summary>
    public long CheckedRows { get; init; }

    /// <summary>Rows in all.</summary>
    public long Rows { get; init; }

    /// <summary>Median time of a call; null when it threw.</summary>
    public double? Milliseconds { get; init; }

    /// <summary>Measured rounds behind <see cref="Milliseconds"/>; 0 when the time is that of the check itself.</summary>
    public int Rounds { get; init; }

    /// <summary>10⁹ floating-point operations per second: 2·B·H·Lq·Lk·(D + Dv), half of it when causal, by the median time. In training
    /// the backward pass's, 2·B·H·Lq·Lk·(3 D + 2 Dv).</summary>
    public double? Gflops { get; init; }

    /// <summary><see cref="Gflops"/> by the multiply-add peak that was measured in turns with it
    /// (<see cref="LayerVerification.FmaGflops"/>): median by median. Above 1 only for 16-bit kernels that multiply in 16 bits.</summary>
    public double? PeakFraction { get; init; }

    /// <summary>Time by that of the fastest backend of this problem that passed: 1 for that one.</summary>
    public double? RatioToBest { get; init; }

    /// <summary>Memory that one call took beside its operands, the result included (in training: forward and backward); null when it cannot
    /// be measured here.</summary>
    public long? PeakBytes { get; init; }

    /// <summary>What the plan says that it takes at most.</summary>
    public long EstimatedBytes { get; init; }
}
