using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.SelfTest;
using LatentSync.Attention.Workloads;
using static TorchSharp.torch;

namespace LatentSync.Lab.Verification;

/// <summary>Runs every backend over the problems of workloads: each result is compared with float64, memory is measured, and the times are
/// taken in turns. Backends are called directly, so that a failure is seen and not fallen back from.</summary>
public sealed class BackendVerifier
{
    /// <summary>Floating-point operations, a second's worth or more, from which memory is measured in the first call instead of a second
    /// one; what libraries keep for later is then counted too.</summary>
    private const double LongProblem = 1e11;

    /// <summary>Time to warm up a backend at one layer, and the part of the rounds' time that it may be at most.</summary>
    private const double WarmUpSeconds = 0.15,
        WarmUpShare = 0.1;

    private readonly VerificationOptions _options;
    private readonly SelectionContext _selection;
    private readonly Action _synchronize;
    private readonly Dictionary<SelfTestKey, string?> _selfTests = [];
    private FmaPeak? _floatPeak,
        _doublePeak;

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

    /// <summary>Backends that every layer refuses for a code that all layers share, whatever memory is free, with those reasons as the
    /// first layer has them.</summary>
    public IReadOnlyList<Verdict> RefusedEverywhere()
    {
        Plan[] plans =
        [
            .. Layers.Select(layer =>
                AttentionSelector.Select(layer.Problem with { NeedsGradient = _options.IsTraining }, _selection, freeBytes: null)
            ),
        ];
        return
        [
            .. plans
                .Take(1)
                .SelectMany(first => first.Verdicts)
                .Select(verdict =>
                    verdict with
                    {
                        Reasons =
                        [
                            .. verdict.Reasons.Where(reason =>
                                plans.All(plan => plan.VerdictOf(verdict.Backend)!.Reasons.Any(other => other.Code == reason.Code))
                            ),
                        ],
                    }
                )
                .Where(verdict => verdict.Reasons.Count > 0),
        ];
    }

    private LayerVerification Verify(Workload workload, WorkloadLayer layer, AttentionProblem problem, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var scope = NewDisposeScope();
        using IDisposable mode = _options.IsTraining ? enable_grad() : no_grad();
        AttentionInputs inputs = SeededOperands.Make(problem, _options.Seed);
        if (_options.IsTraining)
        {
            inputs = new AttentionInputs(Leaf(inputs.Query), Leaf(inputs.Key), Leaf(inputs.Value), inputs.Mask);
        }
        AttentionProblem posed = TensorFacts.Describe(inputs.Query, inputs.Key, inputs.Value, ArgumentsOf(problem, inputs.Mask));
        long? free = _options.FreeMemory is { } ask ? ask(problem.Device) : FreeMemory.Of(problem.Device, _options.Machine);
        Plan plan = AttentionSelector.Select(posed, _selection, free);
        using VerifiedPass pass = _options.IsTraining
            ? new BackwardPass(posed, inputs, _synchronize, _options)
            : new ForwardPass(posed, inputs, _synchronize, _options);
        var checks = new List<(VerificationResult Result, TimedCall? Call)>();
        foreach (Verdict verdict in plan.Verdicts.Where(verdict => verdict.Runs))
        {
            cancellationToken.ThrowIfCancellationRequested();
            IAttentionBackend backend = _options.Backends.First(backend => backend.Name == verdict.Backend);
            var (result, call) = Check(backend, verdict, posed, pass);
            checks.Add((result with { IsChosen = verdict.Backend == plan.Chosen }, call));
        }
        WarmHeap.Prepare(inputs);
        return Time(
            new LayerVerification(workload, layer, posed, plan.Chosen, [], [.. plan.Verdicts.Where(verdict => !verdict.Runs)]),
            checks,
            pass.FlopCount,
            cancellationToken
        );
    }

    /// <summary>Runs a backend once and compares, and once per kernel class over the self-test's problems: scores around 1, as the
    /// workloads have them, do not show what a kernel does at -1e12. The result is run once more to measure its memory, unless that takes
    /// long.</summary>
    private (VerificationResult Result, TimedCall? Call) Check(
        IAttentionBackend backend,
        Verdict verdict,
        AttentionProblem problem,
        VerifiedPass pass
    )
    {
        var result = new VerificationResult
        {
            Backend = backend.Name,
            Tolerance = pass.Tolerance,
            CheckedRows = pass.CheckedRows,
            Rows = (long)problem.Batch * problem.HeadCount * problem.QueryLength,
            EstimatedBytes = verdict.EstimatedBytes,
        };
        try
        {
            bool isOnCpu = problem.Device.Kind == AttentionDeviceKind.Cpu,
                isLong = pass.FlopCount > LongProblem;
            PassOutcome? first = null;
            long? peak = isOnCpu && isLong ? PeakMemory.Of(() => first = pass.Run(backend)) : null;
            using PassOutcome outcome = first ?? pass.Run(backend);
            result = pass.Judge(result, outcome) with { PeakBytes = peak };
            result =
                result.Passed && SelfTest(backend, problem, pass.Device) is { } failure
                    ? result with
                    {
                        Passed = false,
                        Failure = failure,
                    }
                    : result;
            if (outcome.Tensors.Count == 0)
            {
                return (result, null);
            }
            PassOutcome shorter = outcome;
            if (isOnCpu && !isLong)
            {
                result = result with
                {
                    PeakBytes = PeakMemory.Of(() =>
                    {
                        using PassOutcome second = pass.Run(backend);
                        shorter = second.Seconds < shorter.Seconds ? second : shorter;
                    }),
                };
            }
            return (result, pass.Timed(backend, shorter));
        }
        catch (Exception exception) when (FailureClassifier.Classify(exception) is { } kind)
        {
            return (result with { Failure = $"{FailureClassifier.Describe(kind).Code} {FirstLine(exception.Message)}" }, null);
        }
    }

    private string? SelfTest(IAttentionBackend backend, in AttentionProblem problem, Device device)
    {
        SelfTestKey key = SelfTestKey.Of(backend.Name, problem);
        if (!_selfTests.TryGetValue(key, out string? failure))
        {
            failure = KernelSelfTest.Run(backend, _options.Machine, problem, device);
            _selfTests.Add(key, failure);
        }
        return failure;
    }

    /// <summary>Times the backends, and on the CPU the multiply-add peak as one of them: a fraction of a peak of another minute would say
    /// little on a machine that is shared.</summary>
    private LayerVerification Time(
        LayerVerification layer,
        List<(VerificationResult Result, TimedCall? Call)> checks,
        double flop,
        CancellationToken cancellationToken
    )
    {
        string[] names = [.. checks.Where(check => check.Call is not null).Select(check => check.Result.Backend)];
        TimedCall[] calls = [.. checks.Select(check => check.Call).OfType<TimedCall>()];
        var warmUp = TimeSpan.FromSeconds(Math.Min(WarmUpSeconds, WarmUpShare * _options.Budget.TotalSeconds));
        for (int i = 0; i < calls.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            calls[i] = calls[i].Seconds < WarmUpSeconds / 2 ? InterleavedTimer.WarmUp(calls[i], warmUp) : calls[i];
        }
        FmaTurn? fma =
            layer.Problem.Device.Kind == AttentionDeviceKind.Cpu && calls.Length > 0
                ? PeakOf(layer.Problem.DType).Turn(calls.Min(call => call.Seconds))
                : null;
        InterleavedTimes times = InterleavedTimer.Measure(
            fma is { Call: var bursts } ? [.. calls, bursts] : calls,
            _options.Repeats,
            _options.Budget,
            cancellationToken
        );
        (double Median, double Best)? peak = fma?.Gflops(times.Samples[^1]);
        Dictionary<string, double> seconds = names.Zip(times.Seconds).ToDictionary(entry => entry.First, entry => entry.Second);
        double best = checks
            .Where(check => check.Result.Passed && check.Call is not null)
            .Select(check => seconds[check.Result.Backend])
            .DefaultIfEmpty(double.NaN)
            .Min();
        return layer with
        {
            FmaGflops = peak?.Median,
            BestFmaGflops = peak?.Best,
            Results =
            [
                .. checks.Select(check =>
                    seconds.TryGetValue(check.Result.Backend, out double time)
                        ? check.Result with
                        {
                            Milliseconds = time * 1e3,
                            Rounds = times.Rounds,
                            Gflops = flop / time / 1e9,
                            PeakFraction = flop / time / 1e9 / peak?.Median,
                            RatioToBest = double.IsNaN(best) ? null : time / best,
                        }
                        : check.Result
                ),
            ],
        };
    }

    private FmaPeak PeakOf(AttentionDType dtype)
    {
        bool isDouble = dtype == AttentionDType.Float64;
        return (isDouble ? _doublePeak : _floatPeak) is { } known ? known
            : isDouble ? _doublePeak = FmaPeak.Of(dtype)
            : _floatPeak = FmaPeak.Of(dtype);
    }

    private static Tensor Leaf(Tensor tensor) => tensor.detach().requires_grad_();

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
