using LatentSync.Attention.Torch.Devices;

namespace LatentSync.Lab.Auditing;

/// <summary>The process's peak of resident memory on Linux.</summary>
internal sealed class ProcessPeakMemory : PeakMeter
{
    private ProcessPeakMemory() { }

    /// <inheritdoc/>
    internal override string Method => "high-water mark of the process (/proc/self/status)";

    /// <inheritdoc/>
    internal override long AllowedBeyondBytes => 0;

    /// <inheritdoc/>
    internal override long? FreeBytes => null;

    internal static ProcessPeakMemory? Create() => PeakMemory.IsAvailable ? new ProcessPeakMemory() : null;

    /// <inheritdoc/>
    internal override long Measure(Action call)
    {
        call();
        return PeakMemory.Of(call) ?? throw new InvalidOperationException("the peak was readable before and is not now");
    }
}
