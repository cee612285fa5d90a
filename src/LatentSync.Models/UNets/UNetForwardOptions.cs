namespace LatentSync.Models.UNets;

/// <summary>What one forward call of <see cref="UNet3DConditionModel"/> may do besides predicting noise.</summary>
public sealed record UNetForwardOptions
{
    /// <summary>
    /// So many leading items of the batch have audio tokens that are all zero, as the unconditional half under guidance has; the
    /// tokens given are those of the other items only. Their audio attention is the bias of its last layer, exactly, and is not
    /// computed. 0 to b, default 0.
    /// </summary>
    public int ZeroContextItems { get; init; }

    /// <summary>Remembers deep features between the steps of one chunk; null (the default) computes everything.</summary>
    public DeepCacheState? DeepCache { get; init; }

    /// <summary>Sees the outputs of inner modules; null (the default) costs nothing.</summary>
    public UNetObserver? Observer { get; init; }

    /// <summary>
    /// Checked before every resnet, spatial transformer and temporal layer: at full size one call takes a minute on two cores. A cancelled
    /// call throws <see cref="OperationCanceledException"/> and keeps no memory. Default: never.
    /// </summary>
    public CancellationToken CancellationToken { get; init; }
}
