namespace LatentSync.Attention.Problems;

/// <summary>A part of a call: some sequences and some of their heads.</summary>
/// <param name="BatchStart">First sequence.</param>
/// <param name="BatchCount">Sequences.</param>
/// <param name="HeadStart">First query head.</param>
/// <param name="HeadCount">Query heads.</param>
internal readonly record struct LaunchChunk(int BatchStart, int BatchCount, int HeadStart, int HeadCount);

/// <summary>Splits a call whose sequences x heads exceed what one launch can have.</summary>
internal static class LaunchChunks
{
    /// <summary>The parts, in order: whole sequences while their heads fit, else heads of one sequence. They cover every (sequence, head)
    /// once.</summary>
    /// <param name="batch">Sequences, at least 0.</param>
    /// <param name="headCount">Query heads, at least 1.</param>
    /// <param name="headGroup">Query heads that share a key head; heads are only parted between groups.</param>
    /// <param name="limit">Largest sequences x heads of one launch, at least <paramref name="headGroup"/>.</param>
    public static IEnumerable<LaunchChunk> Split(int batch, int headCount, int headGroup, int limit)
    {
        int batches = Math.Max(limit / headCount, 1);
        int heads = headCount <= limit ? headCount : Math.Max(limit / headGroup * headGroup, headGroup);
        for (int b = 0; b < batch; b += batches)
        {
            for (int h = 0; h < headCount; h += heads)
            {
                yield return new LaunchChunk(b, Math.Min(batches, batch - b), h, Math.Min(heads, headCount - h));
            }
        }
    }
}
