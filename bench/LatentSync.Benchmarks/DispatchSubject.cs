using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.SelfTest;
using static TorchSharp.torch;

namespace LatentSync.Benchmarks;

/// <summary>What a dispatch costs without its kernel: backends that do nothing under the names of real ones.</summary>
internal sealed class DispatchSubject : IDisposable
{
    private readonly FallbackLoop<int, int> _loop;
    private readonly AttentionDispatcher _dispatcher;
    private readonly AttentionProblem _problem = AttentionProblem.Of(2, 8, 1024, 1024, 40);
    private readonly SelectionContext _selection;
    private readonly Tensor _query;
    private readonly TorchFlashBackend _flash = new();
    private readonly AttentionProblem _selfTested = AttentionProblem.Of(2, 8, 64, 64, 160);
    private int _batch = 2;

    internal DispatchSubject()
    {
        var machine = new Machine(
            "linux",
            new CpuInfo("a processor", 2, [], "x64"),
            16L << 30,
            [],
            null,
            new LibTorchInfo("2.10.0", "cpu", null, false, [])
        );
        _selection = new SelectionContext { Machine = machine };
        _loop = new FallbackLoop<int, int>(
            new FallbackLoopOptions { Machine = machine },
            [new NullRunner("torch-flash"), new NullRunner("sliced")]
        );
        TorchRuntime.EnsureLoaded();
        _query = zeros(2, 8, 16, 40);
        _dispatcher = new AttentionDispatcher(
            new AttentionDispatcherOptions { Policy = Policy.Auto, Backends = [new NullBackend(_query)] }
        );
    }

    /// <summary>The loop alone: problem in, plan found, backend called, counted.</summary>
    internal int CachedPlan() => _loop.Run(_problem, 1, "unet.spatial-self");

    /// <summary>From tensors: their sizes and strides are read as well.</summary>
    internal Tensor FromTensors() => _dispatcher.Run(_query, _query, _query, default, "unet.spatial-self");

    /// <summary>Reading the problem off tensors.</summary>
    internal AttentionProblem Describe() => AttentionDispatcher.Describe(_query, _query, _query, default);

    /// <summary>Every rule of every backend, and the plan.</summary>
    internal Plan Selection() => AttentionSelector.Select(_problem, _selection, 8L << 30);

    /// <summary>The known answers that a kernel class computes before its first use: torch-flash, head dim 160, float32.</summary>
    internal string? SelfTest() => KernelSelfTest.Run(_flash, _selection.Machine, _selfTested, CPU);

    /// <summary>A problem that was not seen before.</summary>
    internal int UnknownProblem() => _loop.Run(_problem with { Batch = _batch = _batch % 1_000_000 + 1 }, 1, "unet.spatial-self");

    public void Dispose() => _query.Dispose();

    private sealed class NullRunner(string name) : IAttentionRunner<int, int>
    {
        public string Name => name;

        public int Run(in AttentionProblem problem, int inputs) => inputs;
    }

    private sealed class NullBackend(Tensor result) : IAttentionBackend
    {
        public string Name => "torch-flash";

        public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs) => result;
    }
}
