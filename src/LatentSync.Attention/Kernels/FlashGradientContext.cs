namespace LatentSync.Attention.Kernels;

/// <summary>What a pass over the blocks computes.</summary>
internal enum GradientPass
{
    /// <summary>Everything; a task is a key head.</summary>
    All,

    /// <summary>Gradients of keys and values; a task is some keys of a head.</summary>
    KeysAndValues,

    /// <summary>Gradients of queries; a task is a block of queries of a key head.</summary>
    Queries,
}

/// <summary>What the threads of a backward call share.</summary>
internal struct FlashGradientContext
{
    /// <summary>The forward call, its plan, and the next task.</summary>
    internal FlashContext Forward;

    /// <summary>The call.</summary>
    internal FlashGradientCall Gradients;

    /// <summary>The pass at work.</summary>
    internal GradientPass Pass;
}
