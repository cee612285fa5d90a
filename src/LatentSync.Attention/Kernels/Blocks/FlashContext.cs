using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Kernels.Threads;

namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>What the threads of a call share. All but the queue stays as it is while they work.</summary>
internal struct FlashContext
{
    /// <summary>The call.</summary>
    internal FlashCall Call;

    /// <summary>How it is divided and read.</summary>
    internal FlashPlan Plan;

    /// <summary>What it does to scores.</summary>
    internal ScorePlan Scores;

    /// <summary>The tasks of the current pass.</summary>
    internal TaskQueue Queue;
}
