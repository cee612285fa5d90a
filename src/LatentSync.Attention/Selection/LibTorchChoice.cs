namespace LatentSync.Attention.Selection;

/// <summary>The kernel that libtorch itself would choose; the values are libtorch's <c>SDPBackend</c>.</summary>
public enum LibTorchChoice
{
    /// <summary>None: it would throw.</summary>
    None = -1,

    /// <summary>The standard path.</summary>
    Math = 0,

    /// <summary>The fused kernel.</summary>
    Flash = 1,

    /// <summary>The memory-efficient kernel (CUDA).</summary>
    Efficient = 2,

    /// <summary>cuDNN's kernel (CUDA).</summary>
    CuDnn = 3,
}
