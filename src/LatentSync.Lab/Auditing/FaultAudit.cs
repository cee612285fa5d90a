using System.Globalization;
using LatentSync.Attention;
using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Lab.FaultInjection;
using static TorchSharp.torch;

namespace LatentSync.Lab.Auditing;

/// <summary>Proof by sabotage: kernels fail at random calls, in every way that is known, and each result must be that of the undisturbed
/// dispatcher. sliced never fails, so that something is always left.</summary>
internal static class FaultAudit
{
    private const int MostShown = 20;

    /// <summary>Every way to fail that an exception tells. Wrong numbers are for the kernels' self-test to find.</summary>
    internal static IReadOnlyList<FaultKind> Kinds { get; } = [.. FaultPlan.Curable, FaultKind.DeviceLost];

    internal static FaultAuditResult Run(AuditOptions options)
    {
        var problems = new RandomProblems(options.Seed + 1, options.Device);
        var incidents = new IncidentCounter();
        AttentionDispatcher undisturbed = Dispatcher(options.Machine, AttentionDispatcher.BuiltInBackends(), null);
        // Each backend its own seed: else all of them would fail at the same calls.
        FaultyBackend[] faulty =
        [
            .. AttentionDispatcher
                .BuiltInBackends()
                .Where(backend => backend.Name != AttentionBackendNames.Sliced)
                .Select(
                    (backend, i) =>
                        new FaultyBackend(
                            backend,
                            new FaultPlan
                            {
                                Seed = options.Seed + i,
                                Rate = 0.5,
                                Kinds = Kinds,
                            }
                        )
                ),
        ];
        AttentionDispatcher sabotaged = Dispatcher(options.Machine, [.. faulty, new SlicedBackend()], incidents);
        int calls = 0,
            passedOn = 0,
            wrongCount = 0;
        double largest = 0;
        var wrong = new List<string>();
        while (Injected().Count() < options.Faults)
        {
            using var scope = NewDisposeScope();
            RandomProblem problem = problems.Draw();
            AttentionArguments arguments = problem.Arguments with { Dropout = 0 }; // what is dropped is drawn anew by each call
            int lostBefore = LostDevices();
            string? trouble = null;
            try
            {
                Tensor actual = sabotaged.Run(problem.Query, problem.Key, problem.Value, arguments);
                Tensor expected = undisturbed.Run(problem.Query, problem.Key, problem.Value, arguments);
                double error = Difference(expected, actual) / Tolerance(problem.Query.dtype);
                largest = Math.Max(largest, error);
                trouble =
                    LostDevices() > lostBefore ? "the loss of the device was hidden"
                    : error <= 1 ? null
                    : string.Create(CultureInfo.InvariantCulture, $"the result is off by {error:0.###} times what is allowed");
            }
            catch (AttentionDeviceLostException) when (LostDevices() > lostBefore)
            {
                passedOn++;
            }
            catch (AttentionUnavailableException unavailable)
            {
                trouble = unavailable.Message.ReplaceLineEndings(" ");
            }
            if (trouble is not null && wrongCount++ < MostShown)
            {
                string what = AttentionDispatcher.Describe(problem.Query, problem.Key, problem.Value, arguments).Describe();
                wrong.Add(string.Create(CultureInfo.InvariantCulture, $"call {calls}: {trouble}: {what}"));
            }
            calls++;
            sabotaged.Quarantine.Release(); // so that the next call's faults are told, too
        }
        return new FaultAuditResult(
            Injected().Count(),
            Injected()
                .GroupBy(fault => fault.Kind)
                .OrderBy(group => group.Key)
                .ToDictionary(group => group.Key.ToString(), group => group.Count()),
            sabotaged.Snapshot().GroupBy(use => use.Backend).ToDictionary(group => group.Key, group => group.Sum(use => use.Calls)),
            calls,
            incidents.Count,
            passedOn,
            largest,
            wrong,
            wrongCount
        );

        IEnumerable<InjectedFault> Injected() => faulty.SelectMany(backend => backend.Faults);

        int LostDevices() => Injected().Count(fault => fault.Kind == FaultKind.DeviceLost);
    }

    /// <summary>Largest absolute difference of two results whose values are sums of normal numbers with weights that sum to 1. Twice the
    /// error that each may have against float64.</summary>
    private static double Tolerance(ScalarType dtype) =>
        dtype switch
        {
            ScalarType.Float64 => 1e-10,
            ScalarType.Float32 => 1e-4,
            ScalarType.Float16 => 2e-2,
            _ => 1.5e-1,
        };

    private static double Difference(Tensor expected, Tensor actual) =>
        expected.numel() == 0
            ? 0
            : (expected.detach().to(ScalarType.Float64) - actual.detach().to(ScalarType.Float64))
                .abs()
                .nan_to_num(double.PositiveInfinity)
                .max()
                .cpu()
                .item<double>();

    private static AttentionDispatcher Dispatcher(
        Machine machine,
        IReadOnlyList<IAttentionBackend> backends,
        IAttentionListener? listener
    ) =>
        new(
            new AttentionDispatcherOptions
            {
                Machine = machine,
                Policy = Policy.Auto,
                Backends = backends,
                Listener = listener,
            }
        );

    private sealed class IncidentCounter : IAttentionListener
    {
        private int _count;

        internal int Count => _count;

        public void OnIncident(AttentionIncident incident) => Interlocked.Increment(ref _count);
    }
}
