using LatentSync.Attention.Problems;

namespace LatentSync.Lab.Auditing;

/// <summary>Measures the most memory that a call takes beside what was there before it.</summary>
internal abstract class PeakMeter
{
    /// <summary>How it is measured.</summary>
    internal abstract string Method { get; }

    /// <summary>What the way of measuring may add to a peak, in bytes.</summary>
    internal abstract long AllowedBeyondBytes { get; }

    /// <summary>Memory that is free now, in bytes; null when unknown.</summary>
    internal abstract long? FreeBytes { get; }

    /// <summary>Runs a call twice, the first time to warm up; the peak of the second.</summary>
    /// <param name="call">The call; it must free its result.</param>
    internal abstract long Measure(Action call);

    /// <summary>The way for a device; null when this system shows no peak.</summary>
    internal static PeakMeter? For(AttentionDevice device) =>
        device.Kind switch
        {
            AttentionDeviceKind.Cpu => ProcessPeakMemory.Create(),
            AttentionDeviceKind.Cuda => CudaPeakMemory.Create(device.Index),
            _ => null,
        };
}
