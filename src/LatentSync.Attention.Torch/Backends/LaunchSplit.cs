using LatentSync.Attention.Problems;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>A kernel call on prepared operands.</summary>
/// <param name="query">(b, h, Lq, D).</param>
/// <param name="key">(b, hkv, Lk, D).</param>
/// <param name="value">(b, hkv, Lk, Dv).</param>
/// <param name="mask">null, or (1 or b, 1 or h, ·, ·).</param>
internal delegate AttentionResult KernelCall(Tensor query, Tensor key, Tensor value, Tensor? mask);

/// <summary>Calls a kernel in parts when its sequences x heads exceed one launch.</summary>
internal static class LaunchSplit
{
    /// <summary>The whole result, (B, H, Lq, Dv), and the logsumexp (B, H, Lq) when the kernel gives it.</summary>
    /// <param name="limit">Largest sequences x heads of one launch.</param>
    /// <param name="query">(B, H, Lq, D).</param>
    /// <param name="key">(B, Hkv, Lk, D); Hkv divides H.</param>
    /// <param name="value">(B, Hkv, Lk, Dv).</param>
    /// <param name="mask">null, or (1 or B, 1 or H, ·, ·).</param>
    /// <param name="call">The kernel.</param>
    internal static AttentionResult Run(int limit, Tensor query, Tensor key, Tensor value, Tensor? mask, KernelCall call)
    {
        int batch = (int)query.size(0),
            headCount = (int)query.size(1),
            group = headCount / (int)key.size(1);
        if ((long)batch * headCount <= limit)
        {
            return call(query, key, value, mask);
        }
        var sequences = new List<AttentionResult>();
        var heads = new List<AttentionResult>();
        foreach (LaunchChunk chunk in LaunchChunks.Split(batch, headCount, group, limit))
        {
            heads.Add(
                call(Part(query, chunk, 1), Part(key, chunk, group), Part(value, chunk, group), mask is null ? null : Part(mask, chunk, 1))
            );
            if (chunk.HeadStart + chunk.HeadCount == headCount)
            {
                sequences.Add(Join(heads, 1)); // (chunk's B, H, Lq, Dv)
                heads.Clear();
            }
        }
        return Join(sequences, 0); // (B, H, Lq, Dv)
    }

    private static AttentionResult Join(List<AttentionResult> parts, int dimension) =>
        parts.Count == 1
            ? parts[0]
            : new AttentionResult(
                cat([.. parts.Select(part => part.Output)], dimension),
                parts[0].LogSumExp is null ? null : cat([.. parts.Select(part => part.LogSumExp!)], dimension)
            );

    private static Tensor Part(Tensor tensor, LaunchChunk chunk, int group)
    {
        Tensor part = tensor.size(0) == 1 ? tensor : tensor.narrow(0, chunk.BatchStart, chunk.BatchCount);
        return part.size(1) == 1 ? part : part.narrow(1, chunk.HeadStart / group, chunk.HeadCount / group);
    }
}
