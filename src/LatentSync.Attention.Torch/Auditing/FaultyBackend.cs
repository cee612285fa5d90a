using System.Runtime.InteropServices;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Auditing;

/// <summary>A backend that fails where it is told to, before the kernel is started, with what the native libraries throw; else the real one
/// runs.</summary>
/// <param name="inner">The real backend.</param>
/// <param name="next">The next call's fault; null for none.</param>
internal sealed class FaultyBackend(IAttentionBackend inner, Func<FailureKind?> next) : IAttentionBackend
{
    /// <summary>Every way to fail that an exception tells; wrong numbers are for the kernels' self-test to find.</summary>
    internal static IReadOnlyList<FailureKind> Kinds { get; } =
        [.. Enum.GetValues<FailureKind>().Where(kind => kind != FailureKind.WrongNumbers)];

    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public Tensor Run(in AttentionProblem problem, AttentionInputs inputs) =>
        next() is { } kind ? throw Exception(kind) : inner.Run(problem, inputs);

    /// <summary>What libtorch, CUDA, cuBLAS and cuDNN throw.</summary>
    private static Exception Exception(FailureKind kind) =>
        kind switch
        {
            FailureKind.NoKernel => new ExternalException("No available kernel. Aborting execution."),
            FailureKind.NoKernelImage => new ExternalException("CUDA error: no kernel image is available for execution on the device"),
            FailureKind.OutOfMemory => new ExternalException("CUDA out of memory. Tried to allocate 20.00 GiB."),
            FailureKind.UnsupportedArgument => new ExternalException("CUDA error: invalid configuration argument"),
            FailureKind.NativeLibraryGone => new DllNotFoundException("libcudnn.so.9: cannot open shared object file"),
            FailureKind.DeviceLost => new ExternalException("CUDA error: an illegal memory access was encountered"),
            _ => new ExternalException("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
        };
}
