using System.Diagnostics;
using LatentSync.Attention.Constraints;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Hosting;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Workloads;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Verification;

/// <summary>Runs every backend over the problems of workloads: each result is compared with float64, memory is measured, and the times are
/// taken in turns. Backends are called directly, so that a failure is seen and not fallen back from.</summary>
public sealed class BackendVerifier
{
    /// <summary>Floating-point operations, a second's worth or more, from which memory is measured in the first call instead of a second
    /// one; what libraries keep for later is then counted too.</summary>
    private const double LongProblem = 1e11;

    private readonly VerificationOptions _options;
    private readonly SelectionContext _selection;
    private readonly Action _synchronize;

    /// <summary>A verifier.</summary>
    /// <param name="options">What, where, how long.</param>
    public BackendVerifier(VerificationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Repeats, 1);
        _options = options;
        HashSet<string> names = [.. options.Backends.Select(backend => backend.Name)];
        _selection = new SelectionContext
        {
            Machine = options.Machine,
            Backends = [.. AttentionRules.Backends.Where(rules => names.Contains(rules.Name))],
            Ranking = options.Ranking,
        };
        _synchronize = DeviceQueue.SynchronizerOf(options.Device);
    }

    /// <summary>The layers that will be verified, in order.</summary>
    public IReadOnlyList<(Workload Workload, WorkloadLayer Layer, AttentionProblem Problem)> Layers =>
    [
        .. from dtype in _options.DTypes
           from workload in _options.Workloads
           from layer in workload.Layers
           where _options.LayerFilter is not { } filter || layer.Name.Contains(filter, StringComparison.OrdinalIgnoreCase)
           select (workload, layer, layer.Problem with { DType = dtype, Device = _options.Device }),
    ];

    /// <summary>Verifies layer by layer, as the answers are asked for.</summary>
    /// <param name="cancellationToken">Checked before each call of a backend.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IEnumerable<LayerVerification> Run(CancellationToken cancellationToken = default)
    {
        foreach (var (workload, layer, problem) in Layers)
        {
            yield return Verify(workload, layer, problem, cancellationToken);
        }
    }

    /// <summary>Backends that every layer refuses for a code that all layers share, whatever memory is free, with those reasons as the first
    /// layer has them.</summary>
    internal IReadOnlyList<Verdict> RefusedEverywhere()
    {
        Plan[] plans = [.. Layers.Select(layer => AttentionSelector.Select(layer.Problem, _selection, freeBytes: null))];
        return
        [
            .. plans.Take(1).SelectMany(first => first.Verdicts)
                .Select(verdict => verdict with
                {
                    Reasons = [.. verdict.Reasons.Where(reason => plans.All(plan => plan.VerdictOf(verdict.Backend)!.Reasons.Any(other => other.Code == reason.Code)))],
                })
                .Where(verdict => verdict.Reasons.Count > 0),
        ];
    }

    private LayerVerification Verify(Workload workload, WorkloadLayer layer, AttentionProblem problem, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        AttentionInputs inputs = SeededOperands.Make(problem, _options.Seed);
        AttentionProblem posed = TensorFacts.Describe(inputs.Query, inputs.Key, inputs.Value, ArgumentsOf(problem, inputs.Mask));
        long? free = _options.FreeMemory is { } ask ? ask(problem.Device) : FreeMemory.Of(problem.Device, _options.Machine);
        Plan plan = AttentionSelector.Select(posed, _selection, free);
        using var reference = new SampledReference(problem, inputs, _options.ReferenceScores, _options.Seed);
        var checks = new List<(VerificationResult Result, Action Call, double Seconds)>();
        foreach (Verdict verdict in plan.Verdicts.Where(verdict => verdict.Runs))
        {
            cancellationToken.ThrowIfCancellationRequested();
            IAttentionBackend backend = _options.Backends.First(backend => backend.Name == verdict.Backend);
            void Call()
            {
                backend.Run(posed, inputs).Output.Dispose();
                _synchronize();
            }
            var (result, seconds) = Check(backend, verdict, posed, inputs, reference, Call);
            checks.Add((result with { IsChosen = verdict.Backend == plan.Chosen }, Call, seconds));
        }
        return new LayerVerification(workload, layer, posed, plan.Chosen, Time(checks, posed, cancellationToken),
            [.. plan.Verdicts.Where(verdict => !verdict.Runs)]);
    }

    /// <summary>Runs a backend once and compares; once more to measure its memory, unless that takes long.</summary>
    private (VerificationResult Result, double Seconds) Check(
        IAttentionBackend backend, Verdict verdict, AttentionProblem problem, AttentionInputs inputs, SampledReference reference, Action call)
    {
        var result = new VerificationResult
        {
            Backend = backend.Name,
            Tolerance = Tolerances.Of(problem),
            CheckedRows = reference.CheckedRows,
            Rows = (long)problem.Batch * problem.HeadCount * problem.QueryLength,
            EstimatedBytes = verdict.EstimatedBytes,
        };
        try
        {
            _synchronize();
            long start = Stopwatch.GetTimestamp();
            Tensor? output = null;
            void First()
            {
                output = backend.Run(problem, inputs).Output;
                _synchronize();
            }
            bool isOnCpu = problem.Device.Kind == AttentionDeviceKind.Cpu, isLong = problem.FlopCount > LongProblem;
            long? peak = isOnCpu && isLong ? PeakMemory.Of(First) : null;
            if (output is null)
            {
                First();
            }
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            result = Judge(result, output!, problem, reference) with { PeakBytes = peak };
            output!.Dispose();
            if (isOnCpu && !isLong)
            {
                start = Stopwatch.GetTimestamp();
                result = result with { PeakBytes = PeakMemory.Of(call) };
                seconds = Math.Min(seconds, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
            return (result, seconds);
        }
        catch (Exception exception) when (FailureClassifier.Classify(exception) is { } kind)
        {
            return (result with { Failure = $"{FailureClassifier.Describe(kind).Code} {FirstLine(exception.Message)}" }, double.NaN);
        }
    }

    private static VerificationResult Judge(VerificationResult result, Tensor output, AttentionProblem problem, SampledReference reference)
    {
        using var scope = NewDisposeScope();
        long[] shape = [problem.Batch, problem.HeadCount, problem.QueryLength, problem.ValueDim];
        if (!output.shape.SequenceEqual(shape) || output.dtype != TensorFacts.ScalarTypeOf(problem.DType))
        {
            return result with { Failure = $"the result is ({string.Join(", ", output.shape)}) {output.dtype}, not ({string.Join(", ", shape)}) {problem.DType}" };
        }
        (double maxAbs, double relative) = reference.ErrorOf(output);
        bool finite = output.numel() == 0 || output.isfinite().all().item<bool>();
        return result with
        {
            MaxAbsError = double.IsFinite(maxAbs) ? maxAbs : null,
            RelativeError = double.IsFinite(relative) ? relative : null,
            Passed = finite && relative <= result.Tolerance,
            Failure = !finite ? "the result is not finite" : relative <= result.Tolerance ? null : "the error is above the tolerance",
        };
    }

    private VerificationResult[] Time(
        List<(VerificationResult Result, Action Call, double Seconds)> checks, AttentionProblem problem, CancellationToken cancellationToken)
    {
        var ran = checks.Where(check => !double.IsNaN(check.Seconds)).ToArray();
        (double[] seconds, int rounds) = InterleavedTimer.Measure(
            [.. ran.Select(check => check.Call)], [.. ran.Select(check => check.Seconds)], _options.Repeats, _options.Budget, cancellationToken);
        double flop = problem.FlopCount * (problem.IsCausal ? 0.5 : 1);
        double best = ran.Zip(seconds).Where(entry => entry.First.Result.Passed).Select(entry => entry.Second).DefaultIfEmpty(double.NaN).Min();
        Dictionary<string, double> times = ran.Zip(seconds).ToDictionary(entry => entry.First.Result.Backend, entry => entry.Second);
        return
        [
            .. checks.Select(check => times.TryGetValue(check.Result.Backend, out double time)
                ? check.Result with
                {
                    Milliseconds = time * 1e3,
                    Rounds = rounds,
                    Gflops = flop / time / 1e9,
                    RatioToBest = double.IsNaN(best) ? null : time / best,
                }
                : check.Result),
        ];
    }

    /// <summary>The arguments of a call that poses the problem.</summary>
    internal static AttentionArguments ArgumentsOf(in AttentionProblem problem, Tensor? mask) =>
        new()
        {
            Mask = mask,
            IsCausal = problem.IsCausal,
            CausalAlignment = problem.CausalAlignment,
            Scale = problem.Scale,
            Softcap = problem.Softcap,
            LeftWindow = problem.LeftWindow,
            RightWindow = problem.RightWindow,
        };

    private static string FirstLine(string text) => text.AsSpan().Trim().ToString().Split('\n')[0].TrimEnd();
}
