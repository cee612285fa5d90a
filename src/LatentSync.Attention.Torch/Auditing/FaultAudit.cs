using System.Globalization;
using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Auditing;

/// <summary>Proof by sabotage: kernels fail at random calls, in every way that is known, and each result must be that of the undisturbed
/// dispatcher. sliced never fails, so that something is always left.</summary>
internal static class FaultAudit
{
    private const int MostShown = 20;

    internal static FaultAuditResult Run(AuditOptions options)
    {
        var random = new Random(options.Seed ^ 0x5eed);
        var problems = new RandomProblems(options.Seed + 1, options.Device);
        FailureKind[] kinds = [.. FaultyBackend.Kinds];
        var injected = new Dictionary<FailureKind, int>();
        int left = options.Faults;
        FailureKind? NextFault()
        {
            if (left == 0 || random.Next(2) == 0)
            {
                return null;
            }
            left--;
            FailureKind kind = kinds[random.Next(kinds.Length)];
            injected[kind] = injected.GetValueOrDefault(kind) + 1;
            return kind;
        }
        var incidents = new IncidentCounter();
        AttentionDispatcher undisturbed = Dispatcher(options.Machine, AttentionDispatcher.BuiltInBackends(), null);
        AttentionDispatcher sabotaged = Dispatcher(
            options.Machine,
            [.. AttentionDispatcher.BuiltInBackends().Select(backend => backend.Name == AttentionBackendNames.Sliced ? backend : new FaultyBackend(backend, NextFault))],
            incidents);
        int calls = 0, passedOn = 0, wrongCount = 0;
        double largest = 0;
        var wrong = new List<string>();
        while (left > 0)
        {
            using var scope = NewDisposeScope();
            RandomProblem problem = problems.Draw();
            AttentionArguments arguments = problem.Arguments with { Dropout = 0 }; // what is dropped is drawn anew by each call
            int lostBefore = injected.GetValueOrDefault(FailureKind.DeviceLost);
            string? trouble = null;
            try
            {
                Tensor actual = sabotaged.Run(problem.Query, problem.Key, problem.Value, arguments);
                Tensor expected = undisturbed.Run(problem.Query, problem.Key, problem.Value, arguments);
                double error = Difference(expected, actual) / Tolerance(problem.Query.dtype);
                largest = Math.Max(largest, error);
                trouble = injected.GetValueOrDefault(FailureKind.DeviceLost) > lostBefore ? "the loss of the device was hidden"
                    : error <= 1 ? null
                    : string.Create(CultureInfo.InvariantCulture, $"the result is off by {error:0.###} times what is allowed");
            }
            catch (AttentionDeviceLostException) when (injected.GetValueOrDefault(FailureKind.DeviceLost) > lostBefore)
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
            options.Faults,
            injected.OrderBy(entry => entry.Key).ToDictionary(entry => entry.Key.ToString(), entry => entry.Value),
            sabotaged.Snapshot().GroupBy(use => use.Backend).ToDictionary(group => group.Key, group => group.Sum(use => use.Calls)),
            calls, incidents.Count, passedOn, largest, wrong, wrongCount);
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
            : (expected.detach().to(ScalarType.Float64) - actual.detach().to(ScalarType.Float64)).abs()
                .nan_to_num(double.PositiveInfinity).max().cpu().item<double>();

    private static AttentionDispatcher Dispatcher(Machine machine, IReadOnlyList<IAttentionBackend> backends, IAttentionListener? listener) =>
        new(new AttentionDispatcherOptions { Machine = machine, Policy = Policy.Auto, Backends = backends, Listener = listener });

    private sealed class IncidentCounter : IAttentionListener
    {
        private int _count;

        internal int Count => _count;

        public void OnIncident(AttentionIncident incident) => Interlocked.Increment(ref _count);
    }
}
