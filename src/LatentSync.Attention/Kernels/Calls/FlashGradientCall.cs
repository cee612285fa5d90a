namespace LatentSync.Attention.Kernels.Calls;

/// <summary>One call of the backward pass.</summary>
internal struct FlashGradientCall
{
    /// <summary>The forward call, with its result and its logsumexp.</summary>
    internal FlashCall Forward;

    /// <summary>(B, H, Lq, Dv): gradient of the result.</summary>
    internal FlashOperand OutputGradient;

    /// <summary>(B, H, Lq, D): receives the query's gradient.</summary>
    internal FlashOperand QueryGradient;

    /// <summary>(B, Hkv, Lk, D): receives the key's gradient, summed over the query heads that share it.</summary>
    internal FlashOperand KeyGradient;

    /// <summary>(B, Hkv, Lk, Dv): receives the value's gradient, summed over the query heads that share it.</summary>
    internal FlashOperand ValueGradient;
}
