using System.Runtime.InteropServices;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Lab.FaultInjection;

/// <summary>A fault that was injected.</summary>
/// <param name="Call">Number of the call, from 0.</param>
/// <param name="Kind">How it failed.</param>
/// <param name="IsAfter">The kernel had computed before.</param>
/// <param name="Problem">What was computed.</param>
internal sealed record InjectedFault(long Call, FaultKind Kind, bool IsAfter, AttentionProblem Problem);

/// <summary>A real backend that fails at random calls, to prove that a fallback leaves no trace in the result. Thread-safe.</summary>
/// <param name="inner">The backend.</param>
/// <param name="plan">Which calls fail.</param>
internal sealed class FaultyBackend(IAttentionBackend inner, FaultPlan plan) : IAttentionBackend
{
    private readonly List<InjectedFault> _faults = [];
    private long _calls;

    public string Name => inner.Name;

    /// <summary>Calls so far.</summary>
    internal long Calls => Interlocked.Read(ref _calls);

    /// <summary>The faults so far.</summary>
    internal IReadOnlyList<InjectedFault> Faults
    {
        get
        {
            lock (_faults)
            {
                return [.. _faults];
            }
        }
    }

    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
    {
        long call = Interlocked.Increment(ref _calls) - 1;
        (FaultKind? drawn, bool isAfter) = plan.Draw(call);
        if (drawn is not { } kind)
        {
            return inner.Run(problem, inputs);
        }
        lock (_faults)
        {
            _faults.Add(new InjectedFault(call, kind, isAfter, problem));
        }
        if (kind is FaultKind.NotANumber or FaultKind.WrongNumbers)
        {
            using var scope = NewDisposeScope();
            AttentionResult right = inner.Run(problem, inputs);
            Tensor wrong = right.Output.Times(kind == FaultKind.NotANumber ? double.NaN : 1.5).MoveToOuterDisposeScope();
            return new AttentionResult(wrong, right.LogSumExp?.MoveToOuterDisposeScope());
        }
        if (isAfter)
        {
            using var scope = NewDisposeScope();
            _ = inner.Run(problem, inputs);
        }
        throw ExceptionOf(kind, inner.Name);
    }

    /// <summary>What a kernel that fails this way throws; the words of libtorch 2.10, CUDA 12, CUTLASS and cuDNN 9.</summary>
    internal static Exception ExceptionOf(FaultKind kind, string backend) =>
        kind switch
        {
            FaultKind.NoAvailableKernel => new ExternalException("No available kernel. Aborting execution."),
            FaultKind.NoKernelFound => new ExternalException("cutlassF: no kernel found to launch!"),
            FaultKind.NoOperator => new ExternalException(
                $"libtorch 2.0.1 has no operator of {backend} that can be called: no such operator."
            ),
            FaultKind.NoKernelImage => Cuda("no kernel image is available for execution on the device"),
            FaultKind.CudaOutOfMemory => new ExternalException(
                "CUDA out of memory. Tried to allocate 48.00 GiB. GPU 0 has a total capacity of 15.00 GiB of which 1.00 GiB is free."
            ),
            FaultKind.CpuOutOfMemory => new ExternalException(
                "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: "
                    + "not enough memory: you tried to allocate 68719476736 bytes. Error code 12 (Cannot allocate memory)"
            ),
            FaultKind.BadAlloc => new ExternalException("std::bad_alloc"),
            FaultKind.ManagedOutOfMemory => new OutOfMemoryException(),
            FaultKind.InvalidConfiguration => Cuda("invalid configuration argument"),
            FaultKind.RefusedArgument => new ExternalException(
                "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript (most recent call last):\n"
                    + "  File \"<string>\", line 2, in attend\n    return torch.attention(query)\n           ~~~~~~~~~~~~~~~ <--- HERE\n"
                    + "RuntimeError: Expected query, key, and value to have the same head size\n"
            ),
            FaultKind.LibraryGone => new DllNotFoundException("Unable to load shared library 'libcudnn.so.9' or one of its dependencies."),
            FaultKind.FunctionGone => new EntryPointNotFoundException("THSTensor_scaled_dot_product"),
            FaultKind.CuDnnNotSupported => new ExternalException("cuDNN Frontend error: No valid execution plans built."),
            FaultKind.CuDnnInternalError => new ExternalException("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
            FaultKind.DeviceLost => Cuda("an illegal memory access was encountered"),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "this fault throws nothing"),
        };

    private static ExternalException Cuda(string what) =>
        new(
            $"CUDA error: {what}\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
                + "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side "
                + "assertions.\n"
        );
}
