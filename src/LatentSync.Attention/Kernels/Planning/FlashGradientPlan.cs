using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Planning;

/// <summary>How a backward call is divided into passes and tasks.</summary>
internal readonly struct FlashGradientPlan
{
    /// <summary>Products of the backward pass; the forward pass has two.</summary>
    private const int Products = 5;

    /// <summary>One pass computes all gradients, each task those of whole key heads; otherwise one pass computes the gradients of keys and
    /// values, by keys, and another those of queries, by queries.</summary>
    internal required bool IsOnePass { get; init; }

    /// <summary>Keys of a task of a pass by keys.</summary>
    internal required int KeysPerTask { get; init; }

    /// <summary>Tasks into which a key head's keys are divided.</summary>
    internal required int KeyTasks { get; init; }

    /// <summary>The plan of a backward pass.</summary>
    /// <param name="gradients">The call.</param>
    /// <param name="vectors">The vectors.</param>
    /// <param name="threads">Threads that may be used.</param>
    /// <param name="blocks">How its blocks are divided and read.</param>
    internal static FlashGradientPlan Of(in FlashGradientCall gradients, VectorShape vectors, int threads, out FlashPlan blocks)
    {
        ref readonly AttentionProblem problem = ref gradients.Forward.Problem;
        int headDim = problem.HeadDim,
            valueDim = problem.ValueDim;
        FlashPlan forward = FlashPlan.Of(gradients.Forward, vectors, threads);
        int workers = FlashPlan.ThreadsFor(Products / 2.0 * forward.HeadWork * forward.Heads, threads);
        long sumBytes = (long)problem.KeyLength * (headDim + valueDim) * vectors.ElementSize;
        bool isOnePass = sumBytes <= FlashTuning.GradientBytes && (workers == 1 || forward.Heads >= 2L * workers);
        bool isStaged = forward.Staged && isOnePass && AreHeadsAdjacent(gradients, headDim, valueDim);
        long headBytes = 2L * (headDim + valueDim) * (problem.QueryLength + problem.KeyLength) * vectors.ElementSize;
        int headsPerTask = isStaged ? FlashPlan.StagedHeads(headBytes, vectors, forward.Heads, problem.KvHeadCount, workers) : 1;
        blocks = forward with
        {
            Threads = workers,
            BlocksPerTask = 1,
            HeadsPerTask = headsPerTask,
            HeadTasks = FlashPlan.Parts(problem.KvHeadCount, headsPerTask),
            RowTasks = FlashPlan.Parts(forward.Rows, forward.Lanes),
            Staged = isStaged,
            CopiesValues = !forward.InPlace, // the backward pass reads columns of keys, not of values
            ValueStride = valueDim,
            Prefetches = forward.Prefetches && isOnePass && AreRowsDense(gradients),
        };
        int keysPerTask = isOnePass ? Math.Max(problem.KeyLength, 1) : FlashTuning.KeyBlocksPerTask * forward.KeyBlock;
        return new FlashGradientPlan
        {
            IsOnePass = isOnePass,
            KeysPerTask = keysPerTask,
            KeyTasks = FlashPlan.Parts(problem.KeyLength, keysPerTask),
        };
    }

    private static bool AreRowsDense(in FlashGradientCall call) =>
        call.OutputGradient.ColumnStride == 1
        && call.QueryGradient.ColumnStride == 1
        && call.KeyGradient.ColumnStride == 1
        && call.ValueGradient.ColumnStride == 1;

    private static bool AreHeadsAdjacent(in FlashGradientCall call, int headDim, int valueDim) =>
        RowLayout.AreHeadsAdjacent(call.OutputGradient, valueDim)
        && RowLayout.AreHeadsAdjacent(call.QueryGradient, headDim)
        && RowLayout.AreHeadsAdjacent(call.KeyGradient, headDim)
        && RowLayout.AreHeadsAdjacent(call.ValueGradient, valueDim);
}
