using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Workloads;

namespace LatentSync.Lab.Verification;

/// <summary>What a <see cref="BackendVerifier"/> checks and how long it may measure.</summary>
public sealed record VerificationOptions
{
    /// <summary>The machine whose rules say which backend runs what.</summary>
    public required Machine Machine { get; init; }

    /// <summary>The workloads, in order.</summary>
    public required IReadOnlyList<Workload> Workloads { get; init; }

    /// <summary>The backends. Default: those of the dispatcher.</summary>
    public IReadOnlyList<IAttentionBackend> Backends { get; init; } = AttentionDispatcher.BuiltInBackends();

    /// <summary>Which backend would be chosen: the built-in order (default) or a tuned one.</summary>
    public BackendRanking Ranking { get; init; } = BackendRanking.Default;

    /// <summary>Only layers whose name contains this, upper or lower case; null (default) for all.</summary>
    public string? LayerFilter { get; init; }

    /// <summary>Element types. Default: float32.</summary>
    public IReadOnlyList<AttentionDType> DTypes { get; init; } = [AttentionDType.Float32];

    /// <summary>The gradients are checked and the backward pass is timed, instead of the result and the forward pass. Default
    /// false.</summary>
    public bool IsTraining { get; init; }

    /// <summary>Where the tensors live. Default: the CPU.</summary>
    public AttentionDevice Device { get; init; } = AttentionDevice.Cpu;

    /// <summary>Rounds of measurement, of which each gives one time per backend; 1 or more. Default 15.</summary>
    public int Repeats { get; init; } = 15;

    /// <summary>Time that the rounds of one layer may take. Default 2 s. Fewer rounds are made when they do not fit; a layer of which one
    /// round takes five times as long keeps the time of its check.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Seed of operands and samples. Default 1.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Scores that are computed in float64 per layer; larger problems are checked on a sample of heads and queries. Default
    /// 4 million.</summary>
    public long ReferenceScores { get; init; } = 4_000_000;

    /// <summary>Free memory in bytes, null when unknown. Default: asks the system.</summary>
    public Func<AttentionDevice, long?>? FreeMemory { get; init; }
}
