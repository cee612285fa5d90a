using LatentSync.Attention.Problems;
using LatentSync.Attention.Workloads;

namespace LatentSync.Benchmarks.Peers;

/// <summary>One layer, computed by each engine.</summary>
/// <param name="Workload">The workload.</param>
/// <param name="Layer">The layer.</param>
/// <param name="Problem">Its problem as the tensors pose it.</param>
/// <param name="Seconds">Median time of a call, by engine.</param>
/// <param name="Rounds">Rounds behind it.</param>
/// <param name="FmaGflops">The multiply-add peak in the same rounds, median.</param>
/// <param name="BestFmaGflops">The best of it.</param>
/// <param name="MaxAbsDifference">Largest difference of an element between any two engines.</param>
internal sealed record PeerResult(
    Workload Workload,
    WorkloadLayer Layer,
    AttentionProblem Problem,
    IReadOnlyDictionary<string, double> Seconds,
    int Rounds,
    double FmaGflops,
    double BestFmaGflops,
    double MaxAbsDifference
)
{
    /// <summary>Float32 results of standard normal operands, at most about 5 large, summed in different orders.</summary>
    internal const double Tolerance = 1e-4;

    /// <summary>The engines agree.</summary>
    internal bool Passed => MaxAbsDifference < Tolerance;

    /// <summary>Time of the best of some engines by ours: above 1, ours is faster.</summary>
    internal double SpeedOver(params string[] peers) => peers.Min(peer => Seconds[peer]) / Seconds[PeerComparison.Ours];

    /// <summary>10⁹ floating-point operations per second: 2·B·H·Lq·Lk·(D + Dv).</summary>
    internal double Gflops(string engine) => Problem.FlopCount / Seconds[engine] / 1e9;

    /// <summary>Ours by the multiply-add peak.</summary>
    internal double PeakFraction => Gflops(PeerComparison.Ours) / FmaGflops;
}

/// <summary>Speed over a peer, over all layers of a workload.</summary>
/// <param name="Workload">The workload's name.</param>
/// <param name="Peer">"torch-flash", or "best" for the better of both on each layer.</param>
/// <param name="GeometricMean">Geometric mean of (time of the peer) / (time of ours).</param>
/// <param name="Least">The least of these ratios.</param>
/// <param name="LeastLayer">Its layer.</param>
/// <param name="Layers">How many there are.</param>
internal sealed record PeerSummary(string Workload, string Peer, double GeometricMean, double Least, string LeastLayer, int Layers)
{
    /// <summary>Against libtorch, and against the better of both, per workload.</summary>
    internal static IReadOnlyList<PeerSummary> Of(IReadOnlyCollection<PeerResult> results) =>
        [
            .. from workload in results.GroupBy(result => result.Workload.Name)
            from peer in new (string Name, string[] Engines)[]
            {
                (PeerComparison.Torch, [PeerComparison.Torch]),
                ("best", PeerComparison.Peers),
            }
            select Of(workload.Key, peer.Name, [.. workload.Select(result => (result.SpeedOver(peer.Engines), result.Layer.Name))]),
        ];

    private static PeerSummary Of(string workload, string peer, (double Ratio, string Layer)[] ratios)
    {
        (double least, string layer) = ratios.MinBy(entry => entry.Ratio);
        return new PeerSummary(workload, peer, Math.Exp(ratios.Average(entry => Math.Log(entry.Ratio))), least, layer, ratios.Length);
    }
}

/// <summary>One new token over 4096 keys: little more than reading keys and values once.</summary>
/// <param name="Problem">The problem.</param>
/// <param name="KeyValueBytes">Bytes of keys and values, of which each is read once.</param>
/// <param name="Seconds">Median time of a call by engine, and of a copy that reads and writes <paramref name="KeyValueBytes"/> in
/// all.</param>
/// <param name="Rounds">Rounds behind it.</param>
/// <param name="MaxAbsDifference">Largest difference of an element between the engines.</param>
internal sealed record DecodeResult(
    AttentionProblem Problem,
    long KeyValueBytes,
    IReadOnlyDictionary<string, double> Seconds,
    int Rounds,
    double MaxAbsDifference
)
{
    /// <summary>The copy among <see cref="Seconds"/>.</summary>
    internal const string Copy = "copy";

    /// <summary>The engines agree.</summary>
    internal bool Passed => MaxAbsDifference < PeerResult.Tolerance;

    /// <summary>Bytes of keys and values read per second; for the copy, bytes read and written.</summary>
    internal double BytesPerSecond(string engine) => KeyValueBytes / Seconds[engine];

    /// <summary><see cref="BytesPerSecond"/> by that of the copy.</summary>
    internal double CopyFraction(string engine) => Seconds[Copy] / Seconds[engine];
}
