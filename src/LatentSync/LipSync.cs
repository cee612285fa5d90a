namespace LatentSync;

/// <summary>Lip-sync in one call. For several videos with one checkpoint keep a <see cref="LipSyncPipeline"/>.</summary>
public static class LipSync
{
    /// <summary>Loads the networks, lip-syncs one video, and frees them.</summary>
    /// <param name="options">What to do.</param>
    /// <param name="progress">Told of every stage; may be called from any thread.</param>
    /// <param name="cancellationToken">Stops at the next network step or frame; nothing is left behind.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="SyncOptionsException">An option cannot be used.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<SyncReport> RunAsync(
        SyncOptions options,
        IProgress<SyncProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        using LipSyncPipeline pipeline = new();
        return await pipeline.RunAsync(options, progress, cancellationToken);
    }
}
