using System.Diagnostics;
using LatentSync.Attention;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Workloads;
using LatentSync.Lab.Verification;
using static TorchSharp.torch;

namespace LatentSync.Benchmarks.Peers;

/// <summary>managed-flash against libtorch and ONNX Runtime in one process: float32, the same operands, as many threads for each, in turns.
/// Each turn begins when the threads of the engine before are asleep, with calls that are not timed.</summary>
/// <param name="threads">Threads of each engine.</param>
/// <param name="repeats">Rounds at most.</param>
/// <param name="budget">Time for the rounds of a layer, about.</param>
internal sealed class PeerComparison(int threads, int repeats, TimeSpan budget)
{
    internal const string Ours = AttentionBackendNames.ManagedFlash,
        Torch = AttentionBackendNames.TorchFlash,
        OnnxRuntime = "onnxruntime";

    /// <summary>Whom ours is compared with.</summary>
    internal static readonly string[] Peers = [Torch, OnnxRuntime];

    /// <summary>Before a turn is timed, its call runs this long: caches and clock are then as in a program at work.</summary>
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(20);

    /// <summary>From here on a call is not run before it is timed: it would change little and cost much.</summary>
    private static readonly TimeSpan LongCall = TimeSpan.FromMilliseconds(100);

    /// <summary>Long enough for the runtime to find and compile what is worth it.</summary>
    private static readonly TimeSpan FirstWarmUp = TimeSpan.FromMilliseconds(250);

    /// <summary>Heads of the denoising network. Its temporal layers hand over positions and heads as heads, so that nothing is
    /// copied.</summary>
    private const int TemporalHeads = 8;

    private const int Seed = 1;

    private readonly FmaPeak _peak = FmaPeak.Of(AttentionDType.Float32);

    /// <summary>What all three engines compute: float32, no mask, not causal, a key head for each head.</summary>
    internal static bool IsComparable(in AttentionProblem problem) =>
        problem
            is {
                IsCausal: false,
                IsGrouped: false,
                HasWindow: false,
                Softcap: 0,
                DType: AttentionDType.Float32,
                Mask.Kind: AttentionMaskKind.None
            };

    /// <summary>One layer.</summary>
    internal PeerResult Compare(Workload workload, WorkloadLayer layer, CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        AttentionInputs inputs = SeededOperands.Make(layer.Problem, Seed);
        AttentionProblem problem = Describe(inputs);
        int positions = layer.Name.Contains(".temporal.", StringComparison.Ordinal) ? problem.HeadCount / TemporalHeads : 1;
        WarmHeap.Prepare(inputs);
        using OnnxRuntimeAttention onnx = new(problem, inputs, positions, threads);
        Action ours = CallOf(new ManagedFlashBackend(), problem, inputs),
            torch = CallOf(new TorchFlashBackend(), problem, inputs);
        TimedCall[] turns = [Turn(ours), Turn(torch), Turn(onnx.Run)];
        FmaTurn peak = _peak.Turn(turns.Min(turn => turn.Seconds));
        InterleavedTimes times = InterleavedTimer.Measure([.. turns, Turn(peak.Call.Call)], repeats, budget, cancellationToken);
        double[] seconds = times.Seconds;
        (double median, double best) = peak.Gflops(times.Samples[3]);
        double difference = LargestDifference(
            new ManagedFlashBackend().Run(problem, inputs).Output,
            new TorchFlashBackend().Run(problem, inputs).Output,
            onnx.Output()
        );
        return new PeerResult(
            workload,
            layer,
            problem,
            new Dictionary<string, double>
            {
                [Ours] = seconds[0],
                [Torch] = seconds[1],
                [OnnxRuntime] = seconds[2],
            },
            times.Rounds,
            median,
            best,
            difference
        );
    }

    /// <summary>Decoding, (1, 32, 1, 4096, 128) by default, against a copy that touches as many bytes as keys and values have. ONNX Runtime
    /// has no part in it: its operator would reorder keys and values first.</summary>
    internal DecodeResult Decode(CancellationToken cancellationToken, int keyLength = 4096)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        AttentionInputs inputs = SeededOperands.Make(AttentionProblem.Of(1, 32, 1, keyLength, 128), Seed);
        AttentionProblem problem = Describe(inputs);
        long bytes = (inputs.Key.numel() + inputs.Value.numel()) * sizeof(float);
        using var copy = new CopyBandwidth(bytes);
        Action ours = CallOf(new ManagedFlashBackend(), problem, inputs),
            torch = CallOf(new TorchFlashBackend(), problem, inputs);
        InterleavedTimes times = InterleavedTimer.Measure([Turn(ours), Turn(torch), Turn(copy.Copy)], repeats, budget, cancellationToken);
        double[] seconds = times.Seconds;
        double difference = LargestDifference(
            new ManagedFlashBackend().Run(problem, inputs).Output,
            new TorchFlashBackend().Run(problem, inputs).Output
        );
        return new DecodeResult(
            problem,
            bytes,
            new Dictionary<string, double>
            {
                [Ours] = seconds[0],
                [Torch] = seconds[1],
                [DecodeResult.Copy] = seconds[2],
            },
            times.Rounds,
            difference
        );
    }

    private static AttentionProblem Describe(in AttentionInputs inputs) =>
        TensorFacts.Describe(inputs.Query, inputs.Key, inputs.Value, default);

    private static Action CallOf(IAttentionBackend backend, AttentionProblem problem, AttentionInputs inputs) =>
        () => backend.Run(problem, inputs).Output.Dispose();

    private static TimedCall Turn(Action call)
    {
        call(); // compiles, allocates
        double seconds = InterleavedTimer.WarmUp(new TimedCall(call, Time(call)), FirstWarmUp).Seconds;
        bool isLong = seconds > LongCall.TotalSeconds;
        return new TimedCall(call, seconds)
        {
            Before = () =>
            {
                IdleThreads.Await();
                long start = Stopwatch.GetTimestamp();
                while (!isLong && Stopwatch.GetElapsedTime(start) < WarmUp)
                {
                    call();
                }
            },
            SecondsBeside = IdleThreads.UsualSeconds + (isLong ? 0 : Math.Max(seconds, WarmUp.TotalSeconds)),
        };
    }

    private static double Time(Action call)
    {
        long start = Stopwatch.GetTimestamp();
        call();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double LargestDifference(params Tensor[] results)
    {
        double largest = 0;
        for (int i = 0; i < results.Length; i++)
        {
            double difference = results[i].sub(results[(i + 1) % results.Length]).abs().max().item<float>();
            largest = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(largest, difference);
        }
        return largest;
    }
}
