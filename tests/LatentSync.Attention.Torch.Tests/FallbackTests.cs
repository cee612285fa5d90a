using System.Runtime.InteropServices;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Backends;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Kernels that fail at scripted calls: the result must not change.</summary>
public sealed class FallbackTests
{
    public static TheoryData<FailureKind> CurableKinds() =>
        [.. Enum.GetValues<FailureKind>().Where(kind => kind != FailureKind.DeviceLost)];

    [Theory]
    [MemberData(nameof(CurableKinds))]
    public void Run_KernelFails_NextBackendGivesTheSameResult(FailureKind kind)
    {
        using var scope = NewDisposeScope();
        var flash = new ScriptedBackend(new TorchFlashBackend(), (_, _) => Failure(kind));
        var listener = new RecordingListener();
        AttentionDispatcher dispatcher = Dispatcher(listener, flash, new TorchMathBackend(), new SlicedBackend());
        Tensor query = randn([2, 4, 33, 40], generator: new Generator(1));
        Tensor undisturbed = Dispatcher(new RecordingListener(), new TorchMathBackend()).Run(query, query, query);

        for (int call = 0; call < 5; call++)
        {
            Tensor actual = dispatcher.Run(query, query, query, layer: "unet.spatial-self");
            Assert.True(actual.Equals(undisturbed), "the fallback's result must be bit-identical to the next backend's");
        }

        var incident = Assert.Single(listener.Incidents);
        Assert.Equal(
            ("torch-flash", kind, "torch-math", "unet.spatial-self"),
            (incident.Backend, incident.Kind, incident.Next, incident.Layer)
        );
        Assert.Equal(1, flash.Calls); // set aside after the first failure
        var use = Assert.Single(dispatcher.Snapshot());
        Assert.Equal(("unet.spatial-self", "torch-math", 5L), (use.Layer, use.Backend, use.Calls));
        Assert.Contains(dispatcher.Quarantine.Entries, entry => entry.Backend == "torch-flash" && entry.Kind == kind);
    }

    [Fact]
    public void Run_OutOfMemory_OnlyThatSizeIsSetAside()
    {
        using var scope = NewDisposeScope();
        var flash = new ScriptedBackend(
            new TorchFlashBackend(),
            (_, problem) => problem.QueryLength >= 64 ? Failure(FailureKind.OutOfMemory) : null
        );
        var listener = new RecordingListener();
        AttentionDispatcher dispatcher = Dispatcher(listener, flash, new SlicedBackend());
        Tensor small = randn(1, 2, 32, 40),
            large = randn(1, 2, 64, 40),
            larger = randn(1, 2, 128, 40);

        dispatcher.Run(large, large, large, layer: "large");
        dispatcher.Run(small, small, small, layer: "small");
        dispatcher.Run(larger, larger, larger, layer: "larger");
        dispatcher.Run(large, large, large, layer: "large");

        Assert.Equal(2, flash.Calls); // the first large one and the small one
        Assert.Single(listener.Incidents);
        Assert.Equal(
            [("large", "sliced", 2L), ("larger", "sliced", 1L), ("small", "torch-flash", 1L)],
            dispatcher.Snapshot().Select(use => (use.Layer, use.Backend, use.Calls))
        );
    }

    [Fact]
    public void Run_Required_FailureIsNotFallenBackFrom()
    {
        using var scope = NewDisposeScope();
        var flash = new ScriptedBackend(new TorchFlashBackend(), (_, _) => Failure(FailureKind.NoKernel));
        var dispatcher = new AttentionDispatcher(
            new AttentionDispatcherOptions
            {
                Policy = Policy.Require("torch-flash"),
                Backends = [flash, new TorchMathBackend(), new SlicedBackend()],
            }
        );
        Tensor query = randn(1, 2, 8, 8);

        var exception = Assert.Throws<AttentionUnavailableException>(() => dispatcher.Run(query, query, query));

        Assert.Equal("ATT0003", exception.Code);
        Assert.Equal("torch-math", exception.Alternative);
        Assert.IsType<ExternalException>(exception.InnerException);
        Assert.Contains(exception.Verdicts.Single(v => v.Backend == "torch-flash").Reasons, reason => reason.Code == "ATT0901");
        Assert.Contains("No available kernel", exception.Message, StringComparison.Ordinal);
        Assert.Contains("let torch-math run instead", exception.Message, StringComparison.Ordinal);
    }

    public static TheoryData<Exception> NotKernelFailures() =>
        [
            new OperationCanceledException(),
            new ArgumentException("bug"),
            new InvalidOperationException("bug"),
            new NullReferenceException("bug"),
        ];

    [Theory]
    [MemberData(nameof(NotKernelFailures), DisableDiscoveryEnumeration = true)]
    public void Run_CancellationOrBug_ReachesTheCaller(Exception thrown)
    {
        using var scope = NewDisposeScope();
        AttentionDispatcher dispatcher = Dispatcher(
            new RecordingListener(),
            new ScriptedBackend(new TorchFlashBackend(), (_, _) => thrown),
            new TorchMathBackend(),
            new SlicedBackend()
        );
        Tensor query = randn(1, 2, 8, 8);

        Assert.Same(thrown, Assert.ThrowsAny<Exception>(() => dispatcher.Run(query, query, query)));

        Assert.Empty(dispatcher.Quarantine.Entries);
        Assert.Empty(dispatcher.Snapshot());
    }

    [Fact]
    public void Run_DeviceLost_IsSaidClearlyAndNothingElseIsTried()
    {
        using var scope = NewDisposeScope();
        var math = new ScriptedBackend(new TorchMathBackend(), (_, _) => null);
        var thrown = new ExternalException(
            "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronous"
        );
        AttentionDispatcher dispatcher = Dispatcher(
            new RecordingListener(),
            new ScriptedBackend(new TorchFlashBackend(), (_, _) => thrown),
            math
        );
        Tensor query = randn(1, 2, 8, 8);

        var exception = Assert.Throws<AttentionDeviceLostException>(() => dispatcher.Run(query, query, query));

        Assert.Same(thrown, exception.InnerException);
        Assert.Equal(
            ("torch-flash", "ATT0906", "CUDA error: an illegal memory access was encountered"),
            (exception.Backend, exception.Reason.Code, exception.Reason.Found)
        );
        Assert.Contains("restart the program", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, math.Calls);
        Assert.Empty(dispatcher.Quarantine.Entries);
    }

    [Fact]
    public void Run_CancelledToken_RunsNothing()
    {
        using var scope = NewDisposeScope();
        var flash = new ScriptedBackend(new TorchFlashBackend(), (_, _) => null);
        Tensor query = randn(1, 2, 8, 8);

        Assert.Throws<OperationCanceledException>(() =>
            Dispatcher(new RecordingListener(), flash).Run(query, query, query, cancellationToken: new CancellationToken(canceled: true))
        );

        Assert.Equal(0, flash.Calls);
    }

    /// <summary>Five hundred failures of every kind at random calls, over changing problems: every result right, each incident told
    /// once.</summary>
    [Fact]
    public void Run_FiveHundredRandomFailures_EveryResultIsRight()
    {
        var random = new Random(11);
        var listener = new RecordingListener();
        FailureKind[] kinds = [.. CurableKinds().Select(row => row.Data)];
        int injected = 0;
        Exception? Script(int call, AttentionProblem problem) =>
            random.Next(3) == 0 && Interlocked.Increment(ref injected) > 0 ? Failure(kinds[random.Next(kinds.Length)]) : null;
        var flash = new ScriptedBackend(new TorchFlashBackend(), Script);
        var math = new ScriptedBackend(new TorchMathBackend(), Script);
        AttentionDispatcher dispatcher = Dispatcher(listener, flash, math, new SlicedBackend());
        for (int i = 0; injected < 500; i++)
        {
            using var scope = NewDisposeScope();
            Tensor query = randn([1, 2, random.Next(1, 40), 8 * random.Next(1, 6)], generator: new Generator((ulong)i));
            Tensor actual = dispatcher.Run(query, query, query);
            double error = (ReferenceAttention.Compute(query, query, query, default) - actual).abs().max().item<double>();
            Assert.True(error < 1e-5, $"call {i}: {error}");
            if (i % 2 == 0)
            {
                dispatcher.Quarantine.Release(); // so that failures go on
            }
        }
        Assert.InRange(injected, 500, 501); // the last call may fail twice
        Assert.Equal(injected, listener.Incidents.Count);
    }

    [Fact]
    public void Run_ManyThreadsAndFailures_ResultsAreRightAndTheIncidentIsToldOnce()
    {
        var listener = new RecordingListener();
        var flash = new ScriptedBackend(new TorchFlashBackend(), (_, _) => Failure(FailureKind.Other));
        AttentionDispatcher dispatcher = Dispatcher(listener, flash, new TorchMathBackend(), new SlicedBackend());
        Parallel.For(
            0,
            8,
            thread =>
            {
                for (int i = 0; i < 20; i++)
                {
                    using var scope = NewDisposeScope();
                    Tensor query = randn([1, 2, 16, 24], generator: new Generator((ulong)(thread * 100 + i)));
                    double error = (ReferenceAttention.Compute(query, query, query, default) - dispatcher.Run(query, query, query))
                        .abs()
                        .max()
                        .item<double>();
                    Assert.True(error < 1e-5, $"thread {thread}, call {i}: {error}");
                }
            }
        );
        Assert.Single(listener.Incidents);
        Assert.Equal(160, dispatcher.Snapshot().Sum(use => use.Calls));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Run_ScoreMatrixDoesNotFit_IsSliced()
    {
        using var scope = NewDisposeScope();
        // A problem that cannot exist in memory as a whole: only its slices can.
        Tensor query = randn([1, 1, 1, 8]).expand(1, 64, 3000, 8),
            key = randn([1, 1, 3000, 8]).expand(1, 64, 3000, 8);
        var dispatcher = new AttentionDispatcher(
            new AttentionDispatcherOptions { Policy = Policy.Forbid("managed-flash", "torch-flash"), FreeMemory = _ => 1L << 30 }
        );
        Tensor result = dispatcher.Run(query, key, key);
        Assert.Equal("sliced", dispatcher.Snapshot().Single().Backend); // torch-math would need 5.7 GB
        Tensor expected = ReferenceAttention.Compute(query[0, 0, ..1], key[0, 0], key[0, 0], default);
        Assert.True((result[0, 63, 2999] - expected[0]).abs().max().item<double>() < 1e-5);
    }

    internal static Exception Failure(FailureKind kind) =>
        kind switch
        {
            FailureKind.NoKernel => new ExternalException("No available kernel.  Aborting execution."),
            FailureKind.NoKernelImage => new ExternalException("CUDA error: no kernel image is available for execution on the device"),
            FailureKind.OutOfMemory => new ExternalException("CUDA out of memory. Tried to allocate 20.00 GiB."),
            FailureKind.UnsupportedArgument => new ExternalException("CUDA error: invalid configuration argument"),
            FailureKind.NativeLibraryGone => new DllNotFoundException("libcudnn.so.9"),
            FailureKind.WrongNumbers => new KernelWrongNumbersException("torch-flash is off by 3"),
            _ => new ExternalException("CUDNN_STATUS_INTERNAL_ERROR"),
        };

    private static AttentionDispatcher Dispatcher(RecordingListener listener, params IAttentionBackend[] backends) =>
        new(
            new AttentionDispatcherOptions
            {
                Policy = Policy.Auto,
                Backends = backends,
                Listener = listener,
            }
        );
}
