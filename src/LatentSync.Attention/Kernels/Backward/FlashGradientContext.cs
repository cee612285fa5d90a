using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;

namespace LatentSync.Attention.Kernels.Backward;

/// <summary>What a pass over the blocks computes.</summary>
internal enum GradientPass
{
    /// <summary>Maximum and sum of rows whose logsumexp has too few digits; a task is a block of queries of a key head.</summary>
    Softmax,

    /// <summary>Everything; a task is a key head.</summary>
    All,

    /// <summary>Gradients of keys and values; a task is some keys of a head.</summary>
    KeysAndValues,

    /// <summary>Gradients of queries; a task is a block of queries of a key head.</summary>
    Queries,
}

/// <summary>What the threads of a backward call share.</summary>
internal unsafe struct FlashGradientContext
{
    /// <summary>The forward call, its plan, and the next task.</summary>
    internal FlashContext Forward;

    /// <summary>The call.</summary>
    internal FlashGradientCall Gradients;

    /// <summary>Numbers of type T, placed as those of the logsumexp: maximum and 1 / sum of each row whose logsumexp has too few digits, of the others
    /// anything; null where there is no such row.</summary>
    internal void* Maxima;

    /// <summary>As <see cref="Maxima"/>.</summary>
    internal void* Shares;

    /// <summary>The pass at work.</summary>
    internal GradientPass Pass;
}
