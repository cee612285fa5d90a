using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Planning;

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
    /// <summary>The forward call, how its blocks are divided and read, and the tasks of the current pass.</summary>
    internal FlashContext Forward;

    /// <summary>How the passes are divided.</summary>
    internal FlashGradientPlan Plan;

    /// <summary>The call.</summary>
    internal FlashGradientCall Gradients;

    /// <summary>Numbers of type T in the order of the logsumexp: the maximum of each row whose logsumexp has too few digits, of other rows
    /// anything; null where there is no such row.</summary>
    internal void* Maxima;

    /// <summary>The same with 1 / sum of the weights.</summary>
    internal void* InverseSums;

    /// <summary>The current pass.</summary>
    internal GradientPass Pass;
}
