using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.SelfTest;
using LatentSync.Attention.Torch.Tuning;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch;

/// <summary>What an <see cref="AttentionDispatcher"/> is built from.</summary>
public sealed record AttentionDispatcherOptions
{
    /// <summary>The machine. null (default): what TorchSharp can tell; give the detected one for complete verdicts.</summary>
    public Machine? Machine { get; init; }

    /// <summary>The user's wish. null (default): the environment variable LATENTSYNC_ATTENTION, else auto.</summary>
    public Policy? Policy { get; init; }

    /// <summary>The backends. null (default): all that this library has for tensors.</summary>
    public IReadOnlyList<IAttentionBackend>? Backends { get; init; }

    /// <summary>Which backend is tried before which. Default: the built-in order.</summary>
    public BackendRanking Ranking { get; init; } = BackendRanking.Default;

    /// <summary>Free memory of a device in bytes, null when unknown. null (default): asks the system.</summary>
    public Func<AttentionDevice, long?>? FreeMemory { get; init; }

    /// <summary>Told of incidents and new plans. Default: nobody.</summary>
    public IAttentionListener? Listener { get; init; }

    /// <summary>Backends set aside. Default: none yet.</summary>
    public Quarantine Quarantine { get; init; } = new();

    /// <summary>Whether kernels compute a known answer before their first use. null (default): the environment variable
    /// LATENTSYNC_SELF_TEST, else on, for the built-in backends; off for backends that are given.</summary>
    public SelfTestMode? SelfTest { get; init; }

    /// <summary>For tests: the device that tensors are said to be on, for kernels that simulate it. null (default): where they
    /// are.</summary>
    internal AttentionDevice? SimulatedDevice { get; init; }
}

/// <summary>Computes attention on TorchSharp tensors by the best backend, falls back when a kernel fails, and can tell why.
/// Thread-safe.</summary>
public sealed class AttentionDispatcher
{
    private static readonly Lazy<AttentionDispatcher> Shared = new(() =>
        new AttentionDispatcher(new AttentionDispatcherOptions { Ranking = TunedRanking.OfThisMachine().Ranking })
    );
    private static readonly AsyncLocal<AttentionDispatcher?> Ambient = new();

    private readonly FallbackLoop<AttentionInputs, AttentionResult> _loop;
    private readonly AttentionDevice? _simulatedDevice;

    /// <summary>A dispatcher with its own policy, counters and quarantine.</summary>
    /// <param name="options">null for the defaults.</param>
    /// <exception cref="FormatException">LATENTSYNC_ATTENTION is needed and cannot be read.</exception>
    public AttentionDispatcher(AttentionDispatcherOptions? options = null)
    {
        options ??= new AttentionDispatcherOptions();
        Machine = options.Machine ?? TorchMachine.Describe();
        Policy = options.Policy ?? AttentionSettings.ReadPolicy();
        Options = options with { Policy = Policy };
        Machine machine = Machine;
        _simulatedDevice = options.SimulatedDevice;
        _loop = new FallbackLoop<AttentionInputs, AttentionResult>(
            new FallbackLoopOptions
            {
                Machine = machine,
                Policy = Policy,
                Ranking = options.Ranking,
                FreeMemory = options.FreeMemory ?? (device => FreeMemory.Of(device, machine)),
                Listener = options.Listener,
                Quarantine = options.Quarantine,
            },
            Backends(options, machine)
        );
    }

    /// <summary>The process's dispatcher, for callers that do not bring their own. It ranks backends as <c>attention tune</c> measured
    /// them on this machine, else in the built-in order.</summary>
    public static AttentionDispatcher Default => Shared.Value;

    /// <summary>The dispatcher that <see cref="TorchAttention"/> uses here: that of the innermost <see cref="Use"/>, else
    /// <see cref="Default"/>.</summary>
    public static AttentionDispatcher Current => Ambient.Value ?? Default;

    /// <summary>The dispatcher of the innermost <see cref="Use"/>; null outside of all.</summary>
    internal static AttentionDispatcher? Scoped => Ambient.Value;

    /// <summary>What it was built from, with the policy that it found.</summary>
    internal AttentionDispatcherOptions Options { get; }

    /// <summary>The machine whose rules apply.</summary>
    public Machine Machine { get; }

    /// <summary>The policy that is obeyed.</summary>
    public Policy Policy { get; }

    /// <summary>Backends set aside after failures.</summary>
    public Quarantine Quarantine => _loop.Quarantine;

    /// <summary>One backend of each kind, as a dispatcher has them that is given none.</summary>
    public static IReadOnlyList<IAttentionBackend> BuiltInBackends() =>
        [
            new ManagedFlashBackend(),
            new TorchFlashBackend(),
            new TorchEfficientBackend(),
            new TorchCuDnnBackend(),
            new TorchMathBackend(),
            new SlicedBackend(),
        ];

    /// <summary>Makes a dispatcher the current one, for this thread and what it starts and awaits, until the result is disposed. Scopes
    /// nest.</summary>
    /// <param name="dispatcher">The dispatcher.</param>
    public static IDisposable Use(AttentionDispatcher dispatcher)
    {
        ArgumentNullException.ThrowIfNull(dispatcher);
        var scope = new UseScope(Ambient.Value);
        Ambient.Value = dispatcher;
        return scope;
    }

    /// <summary>softmax(softcap(scale · Q Kᵀ) + bias) V.</summary>
    /// <remarks>With every backend: scores are float32 (float64 for float64 operands) and weigh by their own differences, whatever their
    /// size; a key that a query does not see contributes nothing to its row nor to any gradient, NaN and infinity in key and value
    /// included.</remarks>
    /// <param name="query">(B, H, Lq, D), any strides; or (H, Lq, D), (Lq, D), or more leading dimensions. Not modified.</param>
    /// <param name="key">(B, Hkv, Lk, D), any strides; Hkv divides H; batch 1 is broadcast. Not modified.</param>
    /// <param name="value">(B, Hkv, Lk, Dv), any strides. Not modified.</param>
    /// <param name="arguments">Mask, causal, scale and the rest.</param>
    /// <param name="layer">Layer class, for counters and incidents; null counts as unnamed.</param>
    /// <param name="cancellationToken">Checked before each backend.</param>
    /// <returns>(B, H, Lq, Dv) in the query's element type, new, in the caller's dispose scope. A row whose keys are all hidden is zero.
    /// In memory,
    /// managed-flash, torch-flash and sliced follow the query's order of heads and positions, torch-math writes (B, H, Lq, Dv); an ordinary
    /// <c>transpose(1, 2).reshape(B, Lq, H·Dv)</c> is right after each and free after the former three when the query came from such a
    /// view.</returns>
    /// <exception cref="ArgumentException">The tensors are not an attention problem.</exception>
    /// <exception cref="AttentionUnavailableException">No backend that the policy allows can run, or all have failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Tensor Run(
        Tensor query,
        Tensor key,
        Tensor value,
        in AttentionArguments arguments = default,
        string? layer = null,
        CancellationToken cancellationToken = default
    ) => Compute(TensorFacts.Describe(query, key, value, arguments), query, key, value, arguments, layer, cancellationToken).Output;

    /// <summary>The same as <see cref="Run"/>, with the logsumexp of every row, for joining results over parts of the keys.</summary>
    /// <param name="query">As in <see cref="Run"/>.</param>
    /// <param name="key">As in <see cref="Run"/>.</param>
    /// <param name="value">As in <see cref="Run"/>.</param>
    /// <param name="arguments">As in <see cref="Run"/>.</param>
    /// <param name="layer">As in <see cref="Run"/>.</param>
    /// <param name="cancellationToken">As in <see cref="Run"/>.</param>
    /// <returns>The output, as <see cref="Run"/> gives it, and per row the natural logarithm of the sum over keys of exp(score + bias),
    /// before dropout: (B, H, Lq), or the query's dimensions without the last; float32 (float64 for float64 operands), in the caller's
    /// dispose scope, without gradient. -∞ for a row whose keys are all hidden.</returns>
    /// <exception cref="ArgumentException">The tensors are not an attention problem.</exception>
    /// <exception cref="AttentionUnavailableException">No backend that the policy allows can run, or all have failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public (Tensor Output, Tensor LogSumExp) RunWithLogSumExp(
        Tensor query,
        Tensor key,
        Tensor value,
        in AttentionArguments arguments = default,
        string? layer = null,
        CancellationToken cancellationToken = default
    )
    {
        AttentionProblem problem = TensorFacts.Describe(query, key, value, arguments) with { NeedsLogSumExp = true };
        AttentionResult result = Compute(problem, query, key, value, arguments, layer, cancellationToken);
        return (
            result.Output,
            result.LogSumExp ?? throw new InvalidOperationException("A backend left out the logsumexp that was asked for.")
        );
    }

    private AttentionResult Compute(
        AttentionProblem problem,
        Tensor query,
        Tensor key,
        Tensor value,
        in AttentionArguments arguments,
        string? layer,
        CancellationToken cancellationToken
    )
    {
        if (_simulatedDevice is { } device)
        {
            problem = problem with { Device = device };
        }
        if (OperandForm.IsNormal(problem))
        {
            return _loop.Run(problem, new AttentionInputs(query, key, value, arguments.Mask), layer, cancellationToken);
        }
        problem.Validate(); // the views below trust the sizes
        using var scope = NewDisposeScope();
        AttentionInputs inputs = OperandForm.Normalize(problem, query, key, value, arguments.Mask);
        (Tensor output, Tensor? logSumExp) = _loop.Run(problem, inputs, layer, cancellationToken);
        if (problem.Rank != 4)
        {
            output = output.reshape([.. query.shape[..^1], problem.ValueDim]);
            logSumExp = logSumExp?.reshape(query.shape[..^1]);
        }
        return new AttentionResult(output.MoveToOuterDisposeScope(), logSumExp?.MoveToOuterDisposeScope());
    }

    /// <summary>The problem that a call poses, for <see cref="Explain(in AttentionProblem)"/>.</summary>
    /// <param name="query">As in <see cref="Run"/>.</param>
    /// <param name="key">As in <see cref="Run"/>.</param>
    /// <param name="value">As in <see cref="Run"/>.</param>
    /// <param name="arguments">As in <see cref="Run"/>.</param>
    /// <exception cref="ArgumentException">The tensors are not an attention problem.</exception>
    public static AttentionProblem Describe(Tensor query, Tensor key, Tensor value, in AttentionArguments arguments) =>
        TensorFacts.Describe(query, key, value, arguments);

    /// <summary>What would run for a problem, and every backend's verdict with all its reasons. Runs nothing.</summary>
    /// <param name="problem">The problem.</param>
    /// <exception cref="ArgumentException">The problem has no meaning.</exception>
    public Plan Explain(in AttentionProblem problem) => _loop.Explain(problem);

    /// <summary>Calls so far per layer class and backend.</summary>
    public IReadOnlyList<BackendUse> Snapshot() => _loop.Counters.Snapshot();

    /// <summary>Forgets the counts of <see cref="Snapshot"/>.</summary>
    public void ResetCounters() => _loop.Counters.Reset();

    private static IEnumerable<IAttentionBackend> Backends(AttentionDispatcherOptions options, Machine machine)
    {
        SelfTestMode mode = options.SelfTest ?? (options.Backends is null ? AttentionSettings.ReadSelfTest() : SelfTestMode.Off);
        IReadOnlyList<IAttentionBackend> backends = options.Backends ?? BuiltInBackends();
        if (mode == SelfTestMode.Off)
        {
            return backends;
        }
        // Backends of the caller's may be anything under a known name: what they are worth is remembered for this dispatcher only.
        SelfTests tests = options.Backends is null ? SelfTests.OfProcess(mode) : new SelfTests(null);
        return backends.Select(backend => new SelfTestedBackend(backend, tests, machine));
    }

    private sealed class UseScope(AttentionDispatcher? previous) : IDisposable
    {
        private bool _isDisposed;

        public void Dispose()
        {
            if (!_isDisposed)
            {
                _isDisposed = true;
                Ambient.Value = previous;
            }
        }
    }
}
