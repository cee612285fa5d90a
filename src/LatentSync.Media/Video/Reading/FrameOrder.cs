namespace LatentSync.Media.Video.Reading;

/// <summary>Which source frame an output frame shows; pure arithmetic.</summary>
public static class FrameOrder
{
    /// <summary>Maps an output index to a source index.</summary>
    /// <param name="outputIndex">0 or more.</param>
    /// <param name="sourceFrames">Frames of the source, n, at least 1.</param>
    /// <param name="policy">What follows frame n - 1.</param>
    /// <returns>0 ... n - 1; null when the sequence has ended (<see cref="ExtendPolicy.Stop"/>).</returns>
    public static long? SourceIndex(long outputIndex, long sourceFrames, ExtendPolicy policy)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(outputIndex);
        ArgumentOutOfRangeException.ThrowIfLessThan(sourceFrames, 1);
        if (outputIndex < sourceFrames)
        {
            return outputIndex;
        }

        (long pass, long position) = Math.DivRem(outputIndex, sourceFrames);
        return policy switch
        {
            ExtendPolicy.PingPong => pass % 2 == 0 ? position : sourceFrames - 1 - position,
            ExtendPolicy.Loop => position,
            ExtendPolicy.Hold => sourceFrames - 1,
            ExtendPolicy.Stop => null,
            _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, "Unknown policy."),
        };
    }

    /// <summary>Frames that come out when so many are asked for.</summary>
    /// <param name="requestedFrames">Frames asked for, 0 or more.</param>
    /// <param name="sourceFrames">Frames of the source, at least 1.</param>
    /// <param name="policy">What follows the last one.</param>
    public static long OutputFrames(long requestedFrames, long sourceFrames, ExtendPolicy policy)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(requestedFrames);
        ArgumentOutOfRangeException.ThrowIfLessThan(sourceFrames, 1);
        return policy == ExtendPolicy.Stop ? Math.Min(requestedFrames, sourceFrames) : requestedFrames;
    }
}
