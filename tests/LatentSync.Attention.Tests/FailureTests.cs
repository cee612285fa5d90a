using System.Runtime.InteropServices;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using Microsoft.Extensions.Time.Testing;

namespace LatentSync.Attention.Tests;

public sealed class FailureTests
{
    private static readonly AttentionProblem Problem = AttentionProblem.Of(1, 8, 1024, 1024, 40);

    /// <summary>Messages as libtorch 2.10, CUDA 12 and their users' reports have them.</summary>
    [Theory]
    [InlineData("No available kernel.  Aborting execution.", FailureKind.NoKernel)]
    [InlineData("No viable backend for scaled_dot_product_attention was found.", FailureKind.NoKernel)]
    [InlineData("cutlassF: no kernel found to launch!", FailureKind.NoKernel)]
    [InlineData("Could not run 'aten::_scaled_dot_product_flash_attention' with arguments from the 'CPU' backend.", FailureKind.NoKernel)]
    [InlineData("\"baddbmm\" not implemented for 'Half'", FailureKind.NoKernel)]
    [InlineData("Torch was not compiled with flash attention.", FailureKind.NoKernel)]
    [InlineData("Unknown builtin op: aten::_scaled_dot_product_flash_attention_for_cpu.", FailureKind.NoKernel)]
    [InlineData("CUDA error: no kernel image is available for execution on the device", FailureKind.NoKernelImage)]
    [InlineData("CUDA out of memory. Tried to allocate 48.00 GiB", FailureKind.OutOfMemory)]
    [InlineData(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 281474976710656 bytes.",
        FailureKind.OutOfMemory
    )]
    [InlineData("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", FailureKind.OutOfMemory)]
    [InlineData("CUDA error: invalid configuration argument", FailureKind.UnsupportedArgument)]
    [InlineData("scaled_dot_product_attention_flash_attention: Q/K/V should have the same head size", FailureKind.UnsupportedArgument)]
    [InlineData("FlashAttention only supports Ampere GPUs or newer.", FailureKind.UnsupportedArgument)]
    [InlineData("libcudnn.so.9: cannot open shared object file: No such file or directory", FailureKind.NativeLibraryGone)]
    [InlineData("CUDA error: an illegal memory access was encountered", FailureKind.DeviceLost)]
    [InlineData("CUDA error: device-side assert triggered", FailureKind.DeviceLost)]
    [InlineData("CUDNN_STATUS_INTERNAL_ERROR", FailureKind.Other)]
    [InlineData(
        "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: not enough memory: you tried to allocate 68719476736 bytes.",
        FailureKind.OutOfMemory
    )]
    [InlineData("std::bad_alloc", FailureKind.OutOfMemory)]
    [InlineData("CUDNN_STATUS_NOT_SUPPORTED. cudnn_status: CUDNN_STATUS_NOT_SUPPORTED", FailureKind.NoKernel)]
    [InlineData("cuDNN Frontend error: No valid execution plans built.", FailureKind.NoKernel)]
    [InlineData(
        "libtorch 2.3.0 has no operator _scaled_dot_product_cudnn_attention that can be called as this program calls it.",
        FailureKind.NoKernel
    )]
    [InlineData(
        "CUDA error: invalid configuration argument\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n",
        FailureKind.UnsupportedArgument
    )]
    [InlineData("CUDA error: unknown error\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n", FailureKind.Other)]
    [InlineData(
        "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript (most recent call last):\n  File \"<string>\", line 2, in attend\n    return torch.f(query)\n           ~~~~~~~ <--- HERE\nRuntimeError: CUDA out of memory. Tried to allocate 48.00 GiB\nException raised from malloc at expected.cpp:1",
        FailureKind.OutOfMemory
    )]
    public void Classify_NativeMessage_HasItsKind(string message, FailureKind kind) =>
        Assert.Equal(kind, FailureClassifier.Classify(new ExternalException(message)));

    [Theory]
    [InlineData("No available kernel.  Aborting execution.\nException raised from x", "No available kernel.  Aborting execution.")]
    [InlineData("The following operation failed.\nRuntimeError: \"f\" failed\n\nException raised from y", "\"f\" failed")]
    [InlineData("", "")]
    public void CauseOf_NativeMessage_IsTheLineThatSaysWhatIsWrong(string message, string cause) =>
        Assert.Equal(cause, FailureClassifier.CauseOf(new ExternalException(message)));

    [Fact]
    public void Describe_EveryKind_IsItsOwnAndHasACode()
    {
        Assert.All(Enum.GetValues<FailureKind>(), kind => Assert.Equal(kind, FailureClassifier.Describe(kind).Kind));
        Assert.Equal(FailureKind.WrongNumbers, FailureClassifier.Classify(new KernelWrongNumbersException("off")));
    }

    [Fact]
    public void Quarantine_WrongNumbers_CoversDeviceTypeAndHeadDim()
    {
        var quarantine = new Quarantine();
        quarantine.Add("torch-flash", Problem, 1, FailureKind.WrongNumbers, "off by 3");
        Assert.Equal("ATT0908", quarantine.Objection("torch-flash", Problem with { IsCausal = true, NeedsGradient = true }, 1)!.Code);
        Assert.Null(quarantine.Objection("torch-flash", Problem with { DType = AttentionDType.Float16 }, 1));
        Assert.Null(quarantine.Objection("torch-flash", Problem with { HeadDim = 128, ValueDim = 128 }, 1));
        Assert.Null(quarantine.Objection("torch-flash", Problem with { Device = AttentionDevice.Cuda() }, 1));
    }

    [Fact]
    public void Classify_ExceptionTypes_TellKernelsFromBugs()
    {
        Assert.Equal(FailureKind.OutOfMemory, FailureClassifier.Classify(new OutOfMemoryException()));
        Assert.Equal(FailureKind.NativeLibraryGone, FailureClassifier.Classify(new DllNotFoundException()));
        Assert.Equal(
            FailureKind.NativeLibraryGone,
            FailureClassifier.Classify(new TypeInitializationException("T", new DllNotFoundException()))
        );
        Assert.Null(FailureClassifier.Classify(new TypeInitializationException("T", new InvalidOperationException())));
        Assert.Null(FailureClassifier.Classify(new OperationCanceledException()));
        Assert.Null(FailureClassifier.Classify(new ArgumentException("no kernel image is available")));
        Assert.Null(FailureClassifier.Classify(new NullReferenceException()));
        Assert.Null(FailureClassifier.Classify(new ObjectDisposedException("tensor")));
    }

    [Fact]
    public void Quarantine_Failure_CoversItsClassOnly()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        var quarantine = new Quarantine(time);
        Assert.True(quarantine.Add("torch-flash", Problem, 100, FailureKind.NoKernel, "No available kernel.\nException raised from ..."));
        Assert.False(quarantine.Add("torch-flash", Problem with { Batch = 3 }, 300, FailureKind.NoKernel, "again"));

        Assert.NotNull(quarantine.Objection("torch-flash", Problem with { QueryLength = 5 }, 1));
        Assert.Null(quarantine.Objection("torch-flash", Problem with { DType = AttentionDType.Float16 }, 100));
        Assert.Null(quarantine.Objection("torch-math", Problem, 100));
        QuarantineEntry entry = Assert.Single(quarantine.Entries);
        Assert.Equal(("No available kernel.", DateTimeOffset.UnixEpoch), (entry.Cause, entry.Since));
        Assert.Equal("ATT0901", quarantine.Objection("torch-flash", Problem, 100)!.Code);
    }

    [Fact]
    public void Quarantine_OutOfMemory_CoversThatSizeAndLarger()
    {
        var quarantine = new Quarantine();
        quarantine.Add("torch-math", Problem, 1000, FailureKind.OutOfMemory, "out of memory");
        Assert.NotNull(quarantine.Objection("torch-math", Problem, 1000));
        Assert.NotNull(quarantine.Objection("torch-math", Problem with { Batch = 9 }, 9000));
        Assert.Null(quarantine.Objection("torch-math", Problem with { QueryLength = 1 }, 999));
        Assert.True(quarantine.Add("torch-math", Problem with { QueryLength = 1 }, 500, FailureKind.OutOfMemory, "out of memory"));
        Assert.NotNull(quarantine.Objection("torch-math", Problem with { QueryLength = 1 }, 600));
    }

    [Fact]
    public void Quarantine_NoKernelImage_CoversTheDevice()
    {
        var quarantine = new Quarantine();
        AttentionProblem onCuda = Problem with { Device = AttentionDevice.Cuda() };
        quarantine.Add("torch-flash", onCuda, 1, FailureKind.NoKernelImage, "no kernel image");
        Assert.NotNull(quarantine.Objection("torch-flash", onCuda with { HeadDim = 8, ValueDim = 8, IsCausal = true }, 1));
        Assert.Null(quarantine.Objection("torch-flash", onCuda with { Device = AttentionDevice.Cuda(1) }, 1));
        Assert.Null(quarantine.Objection("torch-flash", Problem, 1));
    }

    [Fact]
    public void Quarantine_Release_ChangesTheVersion()
    {
        var quarantine = new Quarantine();
        int before = quarantine.Version;
        quarantine.Add("torch-flash", Problem, 1, FailureKind.Other, "x");
        quarantine.Add("torch-math", Problem, 1, FailureKind.Other, "x");
        int filled = quarantine.Version;
        Assert.NotEqual(before, filled);
        Assert.Equal(1, quarantine.Release("torch-math"));
        Assert.Equal(1, quarantine.Release());
        Assert.Equal(0, quarantine.Release());
        Assert.NotEqual(filled, quarantine.Version);
        var restored = new Quarantine(
            entries: [new QuarantineEntry("sliced", ProblemClass.Of(Problem), FailureKind.Other, 0, "x", default)]
        );
        Assert.NotNull(restored.Objection("sliced", Problem, 1));
    }
}
