using System.Collections.Frozen;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;

namespace LatentSync.Attention.Selection;

/// <summary>Which backend is tried before which. The built-in order holds everywhere; a measured order may replace it for a
/// class of problems.</summary>
public sealed class BackendRanking
{
    /// <summary>Beyond this size of the score matrix the slices' products fill a GPU as well as the whole ones do, so that its memory is
    /// better left to others; and a device whose free memory nobody can tell may not have so much.</summary>
    private const long LargeScores = 1L << 30;

    /// <summary>The whole order on the CPU, best first, with the reason of each rank; of the other devices it holds without managed-flash.
    /// CPU figures: 2 cores with AVX-512; narrower vectors were not measured. On CUDA it is libtorch's own order.</summary>
    private static readonly string[] BuiltIn =
    [
        AttentionBackendNames.ManagedFlash, // CPU only: as fast as torch-flash or faster in most of LatentSync's layers, and masks, windows, strides without copies
        AttentionBackendNames.TorchFlash, // CPU: 2 to 5 times as fast as torch-math from 256 tokens on. CUDA: "universally faster" (libtorch)
        AttentionBackendNames.TorchEfficient, // CUDA only; what flash does not do: masks, float32, head dims beyond 256, GPUs before Ampere
        AttentionBackendNames.TorchMath, // computes everything, but holds the whole score matrix at least twice
        AttentionBackendNames.Sliced, // computes everything in bounded memory; more and smaller kernel calls than torch-math
        AttentionBackendNames.TorchCuDnn, // libtorch ranks it behind its standard path: slow first calls, and versions that compute wrong numbers
    ];

    /// <summary>When the score matrix is large, on a GPU, and everywhere else where nothing can tell whether it fits.</summary>
    private static readonly string[] SlicesFirst =
    [
        AttentionBackendNames.ManagedFlash,
        AttentionBackendNames.TorchFlash,
        AttentionBackendNames.TorchEfficient,
        AttentionBackendNames.Sliced, // as fast as torch-math at this size, in a quarter of a gibibyte
        AttentionBackendNames.TorchMath,
        AttentionBackendNames.TorchCuDnn,
    ];

    /// <summary>Instruction sets with which libtorch multiplies 16-bit numbers faster than any float32 vectors can, as
    /// <see cref="CpuInfo.Isa"/> names them. AVX512-BF16 alone is none: with it (Zen 5) managed-flash was twice as fast as torch-flash or
    /// faster in every layer.</summary>
    private static readonly (AttentionDType DType, string Isa)[] FasterIn16Bits =
    [
        (AttentionDType.BFloat16, "amxbf16"), // measured: torch-flash is up to 2.5 times as fast as managed-flash, which computes in float32
        (AttentionDType.Float16, "amxfp16"), // as amxbf16; not measured. AVX512-FP16 was: managed-flash is as fast or faster there
    ];

    /// <summary>Queries and keys from which those instructions pay. Measured with amxbf16: at 256 x 256 torch-flash is ahead, at
    /// 130 x 130, 1024 x 50 and 16 x 16 managed-flash.</summary>
    private const int FasterIn16BitsFrom = 256;

    /// <summary>A measured order also holds for lengths this many doublings away, both sides together.</summary>
    private const int FarthestMeasurement = 2;

    private readonly FrozenDictionary<ProblemClass, IReadOnlyList<string>> _measured;
    private readonly FrozenDictionary<ProblemClass, KeyValuePair<MeasuredClass, IReadOnlyList<string>>[]> _measuredByLength;

    private BackendRanking(
        FrozenDictionary<ProblemClass, IReadOnlyList<string>> measured,
        FrozenDictionary<ProblemClass, KeyValuePair<MeasuredClass, IReadOnlyList<string>>[]> measuredByLength
    ) => (_measured, _measuredByLength) = (measured, measuredByLength);

    /// <summary>The built-in order for every problem.</summary>
    public static BackendRanking Default { get; } = Measured(new Dictionary<ProblemClass, IReadOnlyList<string>>());

    /// <summary>The built-in order, replaced where an order was measured.</summary>
    /// <param name="measured">Backends per class, fastest first. Backends that are not named follow in the built-in order.</param>
    public static BackendRanking Measured(IReadOnlyDictionary<ProblemClass, IReadOnlyList<string>> measured) =>
        new(measured.ToFrozenDictionary(), FrozenDictionary<ProblemClass, KeyValuePair<MeasuredClass, IReadOnlyList<string>>[]>.Empty);

    /// <summary>The built-in order, replaced where an order was measured for problems of about the same lengths: at most a factor of 4
    /// away, the nearest one.</summary>
    /// <param name="measured">Backends per class, fastest first. Backends that are not named follow in the built-in order.</param>
    public static BackendRanking Measured(IReadOnlyDictionary<MeasuredClass, IReadOnlyList<string>> measured) =>
        new(
            FrozenDictionary<ProblemClass, IReadOnlyList<string>>.Empty,
            measured
                .GroupBy(entry => entry.Key.Class)
                .ToFrozenDictionary(
                    group => group.Key,
                    group => group.OrderBy(entry => entry.Key.QueryClass).ThenBy(entry => entry.Key.KeyClass).ToArray()
                )
        );

    /// <summary>The order for a problem, best first, when it is not known how much memory is free. A backend that it does not name ranks
    /// last.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="machine">The machine; null: neither cuDNN nor instructions for 16 bits are preferred.</param>
    public IReadOnlyList<string> OrderFor(in AttentionProblem problem, Machine? machine = null) =>
        OrderFor(problem, machine, freeBytes: null);

    /// <summary>The order for a problem, best first.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="machine">The machine; null: neither cuDNN nor instructions for 16 bits are preferred.</param>
    /// <param name="freeBytes">Free memory on the problem's device; null when unknown, so that large score matrices are avoided.</param>
    internal IReadOnlyList<string> OrderFor(in AttentionProblem problem, Machine? machine, long? freeBytes)
    {
        IReadOnlyList<string> builtIn = BuiltInFor(problem, machine, freeBytes);
        return MeasuredOrderFor(problem) is { } order ? [.. order, .. builtIn.Except(order)] : builtIn;
    }

    /// <summary>The measured order for a problem, fastest first; null when none was measured that holds for it.</summary>
    /// <param name="problem">The problem.</param>
    public IReadOnlyList<string>? MeasuredOrderFor(in AttentionProblem problem)
    {
        if (_measured.Count == 0 && _measuredByLength.Count == 0)
        {
            return null;
        }
        MeasuredClass wanted = MeasuredClass.Of(problem);
        if (_measured.TryGetValue(wanted.Class, out IReadOnlyList<string>? order))
        {
            return order;
        }
        IReadOnlyList<string>? nearest = null;
        int least = FarthestMeasurement + 1;
        foreach ((MeasuredClass candidate, IReadOnlyList<string> measured) in _measuredByLength.GetValueOrDefault(wanted.Class) ?? [])
        {
            if (candidate.DistanceTo(wanted) is { } distance && distance < least)
            {
                (nearest, least) = (measured, distance);
            }
        }
        return nearest;
    }

    private static IReadOnlyList<string> BuiltInFor(in AttentionProblem problem, Machine? machine, long? freeBytes)
    {
        bool isCuda = problem.Device.Kind == AttentionDeviceKind.Cuda;
        bool isLarge = problem.ScoreCount > LargeScores / problem.DType.ComputeSize();
        string[] order = isLarge && (isCuda || freeBytes is null) ? SlicesFirst : BuiltIn;
        if (problem.Device.Kind == AttentionDeviceKind.Cpu)
        {
            return IsFasterIn16Bits(problem, machine) ? First(AttentionBackendNames.TorchFlash, order) : order;
        }
        order = [.. order.Where(name => name != AttentionBackendNames.ManagedFlash), AttentionBackendNames.ManagedFlash];
        // libtorch's own preference: on Hopper and data-centre Blackwell a cuDNN without the known defects beats FlashAttention-2.
        return isCuda && machine is not null && TorchCuDnnRules.IsPreferred(new ConstraintSubject(problem, machine, 0, null))
            ? First(AttentionBackendNames.TorchCuDnn, order)
            : order;
    }

    private static bool IsFasterIn16Bits(in AttentionProblem problem, Machine? machine)
    {
        AttentionDType dtype = problem.DType;
        return machine is not null
            && Math.Min(problem.QueryLength, problem.KeyLength) >= FasterIn16BitsFrom
            && FasterIn16Bits.Any(fast => fast.DType == dtype && machine.Cpu.Isa.Contains(fast.Isa));
    }

    private static string[] First(string backend, string[] order) => [backend, .. order.Where(name => name != backend)];
}
