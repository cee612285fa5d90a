using System.Diagnostics;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>Exact attention in bounded memory: the problem is cut into slices of sequences, heads and query rows whose scores fit into a
/// workspace, and each slice is two matrix products and a softmax, in float32 (float64 for float64). Keys are cut too when there are
/// very many. It needs no special kernel, so
/// it runs on any device and element type that libtorch can multiply. Keys that no row of a slice can see are left out. In training the
/// slices
/// are computed again in the backward pass instead of being kept. The result follows the query's order in memory.</summary>
public sealed class SlicedBackend : IAttentionBackend
{
    private const long LeastWorkspaceBytes = 1L << 20;
    private readonly long _workspaceBytes;

    /// <summary>The backend.</summary>
    /// <param name="workspaceBytes">Memory for one slice in bytes, 1 to 256 MiB (the default). One query row per key head
    /// with 64 keys is the least that is used.</param>
    public SlicedBackend(long workspaceBytes = SliceShape.DefaultWorkspaceBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workspaceBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(workspaceBytes, SliceShape.DefaultWorkspaceBytes);
        _workspaceBytes = workspaceBytes;
    }

    /// <inheritdoc/>
    public string Name => AttentionBackendNames.Sliced;

    /// <inheritdoc/>
    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
    {
        long workspaceBytes = _workspaceBytes;
        while (true)
        {
            try
            {
                return Attend(problem, inputs, SliceShape.For(problem, workspaceBytes));
            }
            catch (Exception exception)
                when (workspaceBytes > LeastWorkspaceBytes && FailureClassifier.Classify(exception) == FailureKind.OutOfMemory)
            {
                // This is the last resort of every plan: when memory runs out it takes smaller slices before it gives up.
                workspaceBytes = Math.Max(workspaceBytes / 2, LeastWorkspaceBytes);
                Activity.Current?.AddEvent(new ActivityEvent("sliced: out of memory, workspace reduced"));
            }
        }
    }

    private static AttentionResult Attend(in AttentionProblem problem, AttentionInputs inputs, SliceShape shape)
    {
        using DisposeScope scope = NewDisposeScope();
        return (
            HiddenKeys.TryClear(problem, ref inputs) ? AttendCleared(problem, inputs, shape) : GuardedSlice.Run(problem, inputs)
        ).MoveToOuterDisposeScope();
    }

    private static AttentionResult AttendCleared(in AttentionProblem problem, in AttentionInputs inputs, SliceShape shape)
    {
        if (!problem.NeedsGradient)
        {
            using IDisposable noGradient = no_grad();
            return SlicedForward.Run(problem, inputs, shape);
        }
        if (problem.Dropout > 0 || problem.IsEmpty)
        {
            return SlicedForward.RunDifferentiable(problem, inputs, shape); // dropped weights cannot be drawn a second time
        }
        using DisposeScope scope = NewDisposeScope(); // TorchSharp's function makes a second handle of the output
        Tensor? logSumExp = SlicedForward.NewLogSumExp(problem, inputs);
        var call = new SlicedFunction.Call(problem, shape, logSumExp);
        Tensor output = inputs.Mask is null
            ? SlicedFunction.apply(inputs.Query, inputs.Key, inputs.Value, call)
            : SlicedFunction.apply(inputs.Query, inputs.Key, inputs.Value, inputs.Mask, call);
        return new AttentionResult(output.MoveToOuterDisposeScope(), logSumExp?.MoveToOuterDisposeScope());
    }
}
