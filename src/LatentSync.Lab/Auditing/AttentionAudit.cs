using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Foundation.Wording;
using TorchSharp;

namespace LatentSync.Lab.Auditing;

/// <summary>Holds what this layer says against what libtorch does on the real device: verdicts, results under faults, memory.</summary>
public static class AttentionAudit
{
    /// <summary>Why a device cannot be audited; null when it can. Loads libtorch.</summary>
    /// <param name="device">The device.</param>
    /// <exception cref="Platform.Loading.NativeLoadException">libtorch cannot be loaded.</exception>
    public static string? Objection(AttentionDevice device)
    {
        TorchRuntime.EnsureLoaded();
        return device.Kind switch
        {
            AttentionDeviceKind.Cpu => null,
            AttentionDeviceKind.Cuda => CudaObjection(device),
            _ => $"{device} cannot be audited, only the CPU and CUDA devices can.",
        };
    }

    /// <summary>Runs an audit; minutes for the default number of problems on a CPU.</summary>
    /// <param name="options">What it covers.</param>
    /// <param name="progress">Told what begins; null for nobody.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative number of problems or faults.</exception>
    /// <exception cref="Platform.Loading.NativeLoadException">libtorch cannot be loaded.</exception>
    /// <exception cref="InvalidOperationException">There is an <see cref="Objection"/>, or the driver does not answer.</exception>
    public static AuditReport Run(AuditOptions options, Action<string>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Problems);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Faults);
        if (Objection(options.Device) is { } objection)
        {
            throw new InvalidOperationException(objection);
        }
        RuleAuditResult? rules = null;
        FaultAuditResult? faults = null;
        MemoryAuditResult? memory = null;
        if (options.Problems > 0)
        {
            progress?.Invoke(FormattableString.Invariant($"verdicts: {options.Problems} random problems"));
            rules = RuleAudit.Run(options);
        }
        if (options.Faults > 0)
        {
            progress?.Invoke(FormattableString.Invariant($"faults: {options.Faults} injected"));
            faults = FaultAudit.Run(options);
        }
        if (options.MeasuresMemory)
        {
            progress?.Invoke("memory: each backend over its problems");
            memory = MemoryAudit.Run(options);
        }
        // TorchSharp's __version__ is what it was built against, not what was loaded.
        string version = TorchRuntime.EnsureLoaded().Version ?? "unknown";
        return new AuditReport(options.Device.ToString(), options.Seed, version, rules, faults, memory);
    }

    private static string? CudaObjection(AttentionDevice device)
    {
        int count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        return device.Index < count
            ? null
            : Sentence.Say($"There is no {device} that this libtorch can use: it sees {count} CUDA devices. ⟦doctor⟧ says why.");
    }
}
