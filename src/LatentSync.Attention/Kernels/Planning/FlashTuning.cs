namespace LatentSync.Attention.Kernels.Planning;

/// <summary>Sizes of the managed kernels that were found by measuring, each with its reason. None of them changes a result by more than
/// rounding.</summary>
internal static class FlashTuning
{
    /// <summary>Keys of a block: its scores, 96 x 64 floats, are 24 KiB, which leaves room for the values' rows in a first-level cache of
    /// 32 KiB.</summary>
    internal const int LargestKeyBlock = 96;

    /// <summary>Blocks of queries of a task, at most.</summary>
    internal const int MostBlocks = 8;

    /// <summary>Bytes of transposed queries and unfinished results of a task, with 512-bit vectors: a quarter of a second-level cache of 1
    /// MiB.</summary>
    internal const int TaskBytes = 256 << 10;

    /// <summary>The same with narrower vectors. Their blocks have fewer queries, so more blocks share the keys and values in the cache
    /// (head dim 512, Zen 3).</summary>
    internal const int LargeTaskBytes = 512 << 10;

    /// <summary>Bytes of staged rows of a task, with 512-bit vectors, in both directions.</summary>
    internal const int StageBytes = 64 << 10;

    /// <summary>The same with narrower vectors: a quarter of a second-level cache of 512 KiB. Longer runs of memory are read faster
    /// (Zen 3: forward 1.1 to 1.2 times, backward up to 1.2), and the slower products do not wait for the second-level cache. With 512 bits
    /// they do (Xeon, 96 KiB, measured without prefetching: slower by some percent).</summary>
    internal const int LargeStageBytes = 128 << 10;

    /// <summary>Heads of a staged task, at most.</summary>
    internal const int MostStagedHeads = 16;

    /// <summary>Rows that begin on so few sets of the first-level cache evict each other while a column of a block is read.</summary>
    internal const int FewSets = 4;

    /// <summary>Tasks per thread: more than one, so that all threads finish at about the same time.</summary>
    internal const int TasksPerThread = 6;

    /// <summary>Multiply-adds that are worth waking one more thread: a few µs of one core.</summary>
    internal const double ThreadWork = 2e5;

    /// <summary>Bytes of operands and results that a cache may still hold from before: smaller calls prefetch nothing.</summary>
    internal const long CachedBytes = 16 << 20;

    /// <summary>Bytes of the gradients of a head's keys and values that a thread accumulates when one task computes all gradients of a
    /// head.</summary>
    internal const int GradientBytes = 4 << 20;

    /// <summary>Blocks of keys of a backward task that computes the gradients of some keys only.</summary>
    internal const int KeyBlocksPerTask = 2;

    /// <summary>Most queries of a key head for the decoding kernel: with more, the forward kernel reads as fast.</summary>
    internal const int MostDecodeRows = 4;

    /// <summary>Tasks of a decoding call, about, over all heads.</summary>
    internal const int DecodeTasks = 64;

    /// <summary>Keys that a decoding task processes at a time; a multiple of the elements of every vector.</summary>
    internal const int DecodePiece = 128;

    /// <summary>Keys of a decoding task, at least.</summary>
    internal const int LeastDecodeKeys = 512;
}
