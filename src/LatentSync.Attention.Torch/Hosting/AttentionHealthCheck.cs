using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Platform.Loading;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace LatentSync.Attention.Torch.Hosting;

/// <summary>
/// Looks at what would run a usual problem (8 heads of 64, 1024 tokens) on each device, without running it.
/// Healthy: a fused kernel, or the backend that the policy asks for. Degraded: only the standard path or slices of it, or a backend was
/// set aside after failures. Unhealthy: nothing runs on some device, or libtorch cannot be loaded.
/// </summary>
internal sealed class AttentionHealthCheck(IServiceProvider services) : IHealthCheck
{
    private static readonly string[] Unfused = [AttentionBackendNames.TorchMath, AttentionBackendNames.Sliced];

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        AttentionDispatcher dispatcher;
        try
        {
            dispatcher = services.GetRequiredService<AttentionDispatcher>();
        }
        catch (Exception exception) when (exception is NativeLoadException or OptionsValidationException or FormatException)
        {
            return Task.FromResult(new HealthCheckResult(context.Registration.FailureStatus, exception.Message, exception));
        }
        return Task.FromResult(Judge(dispatcher, context.Registration.FailureStatus));
    }

    private static HealthCheckResult Judge(AttentionDispatcher dispatcher, HealthStatus failureStatus)
    {
        List<string> failures = [],
            remarks = [],
            chosen = [];
        var data = new Dictionary<string, object>(StringComparer.Ordinal) { ["policy"] = dispatcher.Policy.ToString() };
        foreach (AttentionDevice device in Devices(dispatcher.Machine))
        {
            Plan plan = dispatcher.Explain(UsualProblem(device));
            chosen.Add($"{device}: {plan.Chosen ?? "nothing"}");
            data[$"{device}.chosen"] = plan.Chosen ?? "";
            data[$"{device}.order"] = plan.Order.ToArray();
            foreach (Verdict verdict in plan.Verdicts)
            {
                data[$"{device}.{verdict.Backend}"] = verdict.Runs ? "runs" : string.Join("; ", verdict.Reasons.Select(OneLine));
            }
            if (plan.Chosen is null)
            {
                failures.Add($"nothing runs on {device}");
            }
            else if (Unfused.Contains(plan.Chosen) && plan.Chosen != (dispatcher.Policy.Required ?? dispatcher.Policy.Preferred))
            {
                remarks.Add($"no fused kernel runs on {device}, {plan.Chosen} does");
            }
        }
        string[] setAside =
        [
            .. dispatcher.Quarantine.Entries.Select(entry => $"{entry.Backend} ({entry.Class.Device}, {entry.Kind}): {entry.Cause}"),
        ];
        data["quarantine"] = setAside;
        if (setAside.Length > 0)
        {
            string backends = string.Join(
                ", ",
                dispatcher.Quarantine.Entries.Select(entry => entry.Backend).Distinct().Order(StringComparer.Ordinal)
            );
            remarks.Add($"set aside after failures: {backends}");
        }
        HealthStatus status =
            failures.Count > 0 ? failureStatus
            : remarks.Count > 0 ? HealthStatus.Degraded
            : HealthStatus.Healthy;
        return new HealthCheckResult(status, string.Join("; ", [.. failures, .. remarks, .. chosen]), data: data);
    }

    private static IEnumerable<AttentionDevice> Devices(Machine machine)
    {
        yield return AttentionDevice.Cpu;
        if (machine.LibTorch is { Flavor: not "cpu" })
        {
            for (int index = 0; index < machine.Gpus.Count; index++)
            {
                if (machine.Gpus[index].ComputeCapability is not null)
                {
                    yield return AttentionDevice.Cuda(index);
                }
            }
        }
    }

    private static AttentionProblem UsualProblem(AttentionDevice device) =>
        new()
        {
            Batch = 1,
            HeadCount = 8,
            KvHeadCount = 8,
            QueryLength = 1024,
            KeyLength = 1024,
            HeadDim = 64,
            ValueDim = 64,
            DType = device.Kind == AttentionDeviceKind.Cpu ? AttentionDType.Float32 : AttentionDType.Float16,
            Device = device,
        };

    private static string OneLine(Reason reason) => $"{reason.Code} found {reason.Found}, required {reason.Required}";
}
