using System.Collections.Frozen;
using LatentSync.Attention.Constraints;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Selection;

/// <summary>Which backend is tried before which. The built-in order holds everywhere; a measured order may replace it for a
/// class of problems.</summary>
public sealed class BackendRanking
{
    /// <summary>Beyond this size of the score matrix the slices' products fill a GPU as well as the whole ones do, so that its memory is
    /// better left to others.</summary>
    private const long LargeScoresOnGpu = 1L << 30;

    /// <summary>The whole order, best first, with the reason of each rank. CPU figures: float32, head dims 40 to 512, 2 cores with AVX-512;
    /// on CUDA it is libtorch's own order.</summary>
    private static readonly string[] BuiltIn =
    [
        AttentionBackendNames.TorchFlash, // CPU: 2 to 5 times as fast as torch-math from 256 tokens on. CUDA: "universally faster" (libtorch)
        AttentionBackendNames.TorchEfficient, // CUDA only; what flash does not do: masks, float32, head dims beyond 256, GPUs before Ampere
        AttentionBackendNames.TorchMath, // computes everything, but holds the whole score matrix at least twice
        AttentionBackendNames.Sliced, // computes everything in bounded memory; more and smaller kernel calls than torch-math
        AttentionBackendNames.TorchCuDnn, // libtorch ranks it behind its standard path: slow first calls, and versions that compute wrong numbers
    ];

    /// <summary>On a GPU, when the score matrix is large.</summary>
    private static readonly string[] SlicesFirst =
    [
        AttentionBackendNames.TorchFlash,
        AttentionBackendNames.TorchEfficient,
        AttentionBackendNames.Sliced, // as fast as torch-math at this size, in a quarter of a gibibyte
        AttentionBackendNames.TorchMath,
        AttentionBackendNames.TorchCuDnn,
    ];

    private readonly FrozenDictionary<ProblemClass, IReadOnlyList<string>> _measured;

    private BackendRanking(FrozenDictionary<ProblemClass, IReadOnlyList<string>> measured) => _measured = measured;

    /// <summary>The built-in order for every problem.</summary>
    public static BackendRanking Default { get; } = new(FrozenDictionary<ProblemClass, IReadOnlyList<string>>.Empty);

    /// <summary>The built-in order, replaced where an order was measured.</summary>
    /// <param name="measured">Backends per class, fastest first. Backends that are not named follow in the built-in order.</param>
    public static BackendRanking Measured(IReadOnlyDictionary<ProblemClass, IReadOnlyList<string>> measured) =>
        new(measured.ToFrozenDictionary());

    /// <summary>The order for a problem, best first. A backend that it does not name ranks last.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="machine">The machine; null: cuDNN is not preferred.</param>
    public IReadOnlyList<string> OrderFor(in AttentionProblem problem, Machine? machine = null)
    {
        IReadOnlyList<string> builtIn = BuiltInFor(problem, machine);
        return _measured.Count > 0 && _measured.TryGetValue(ProblemClass.Of(problem), out IReadOnlyList<string>? order)
            ? [.. order, .. builtIn.Except(order)]
            : builtIn;
    }

    private static IReadOnlyList<string> BuiltInFor(in AttentionProblem problem, Machine? machine)
    {
        if (problem.Device.Kind != AttentionDeviceKind.Cuda)
        {
            return BuiltIn;
        }
        string[] order = problem.ScoreCount * problem.DType.ComputeSize() > LargeScoresOnGpu ? SlicesFirst : BuiltIn;
        // libtorch's own preference: on Hopper and data-centre Blackwell a cuDNN without the known defects beats FlashAttention-2.
        return machine is not null && TorchCuDnnRules.IsPreferred(new ConstraintSubject(problem, machine, 0, null))
            ? [AttentionBackendNames.TorchCuDnn, .. order.Where(name => name != AttentionBackendNames.TorchCuDnn)]
            : order;
    }
}
