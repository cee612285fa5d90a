namespace LatentSync.Tests.Run;

/// <summary>Calls back at once, on the reporting thread, so that a test can act at an exact moment of a run.</summary>
internal sealed class ImmediateSyncProgress(Action<SyncProgress> action) : IProgress<SyncProgress>
{
    private readonly Lock _gate = new();

    public void Report(SyncProgress value)
    {
        lock (_gate)
        {
            action(value);
        }
    }
}
