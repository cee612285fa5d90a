namespace LatentSync.Attention;

/// <summary>Names of the backends, as policies, reports and the command line write them.</summary>
public static class AttentionBackendNames
{
    /// <summary>libtorch's fused kernel: FlashAttention-2 on CUDA, its tiled kernel on the CPU.</summary>
    public const string TorchFlash = "torch-flash";

    /// <summary>libtorch's memory-efficient kernel (CUTLASS), CUDA only.</summary>
    public const string TorchEfficient = "torch-efficient";

    /// <summary>cuDNN's attention through libtorch, CUDA only.</summary>
    public const string TorchCuDnn = "torch-cudnn";

    /// <summary>FlashAttention-2 in C#: forward and backward on the CPU, without native code.</summary>
    public const string ManagedFlash = "managed-flash";

    /// <summary>libtorch's standard path with the whole score matrix.</summary>
    public const string TorchMath = "torch-math";

    /// <summary>Exact attention in bounded memory from plain matrix products and softmax, by slices of queries and heads.</summary>
    public const string Sliced = "sliced";

    /// <summary>The float64 oracle of tests and <c>verify</c>; never a plan.</summary>
    public const string Reference = "reference";
}
