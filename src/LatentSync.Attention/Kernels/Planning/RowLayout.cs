using System.Numerics;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Planning;

/// <summary>How the rows of operands lie in memory, and what that means for the caches.</summary>
internal static unsafe class RowLayout
{
    private const int SetsOfFirstCache = 64;

    /// <summary>Whether rows can be read where they lie.</summary>
    /// <remarks>Rows a multiple of 2 KiB or so apart fall on the same few lines of the first-level cache and evict each other. They are
    /// copied next to each other first (measured, 16 rows 80 KiB apart: 1.8 times as fast).</remarks>
    internal static bool IsReadableInPlace(in FlashOperand operand, int dim, int elementSize)
    {
        if (operand.DType.Size() != elementSize || operand.ColumnStride != 1 || operand.RowStride < 0)
        {
            return false;
        }
        return operand.RowStride <= dim + Prefetching.Line / elementSize || SetsOf(operand.RowStride, elementSize) >= FlashTuning.FewSets;
    }

    /// <summary>Whether dense rows of so many elements fall on few sets of the first-level cache.</summary>
    internal static bool HasSetConflicts(int dim, int elementSize) =>
        dim * elementSize > Prefetching.Line && SetsOf(dim, elementSize) <= FlashTuning.FewSets;

    /// <summary>Whether the elements of every row lie side by side.</summary>
    internal static bool AreRowsDense(in FlashCall call) =>
        call.Query.ColumnStride == 1 && call.Key.ColumnStride == 1 && call.Value.ColumnStride == 1 && call.Output.ColumnStride == 1;

    /// <summary>Whether the rows of neighbouring heads lie side by side, in all operands.</summary>
    internal static bool AreHeadsAdjacent(in FlashCall call) =>
        AreHeadsAdjacent(call.Query, call.Problem.HeadDim)
        && AreHeadsAdjacent(call.Key, call.Problem.HeadDim)
        && AreHeadsAdjacent(call.Value, call.Problem.ValueDim)
        && AreHeadsAdjacent(call.Output, call.Problem.ValueDim);

    /// <summary>Whether the rows of neighbouring heads lie side by side.</summary>
    internal static bool AreHeadsAdjacent(in FlashOperand operand, int dim) => operand.ColumnStride == 1 && operand.HeadStride == dim;

    /// <summary>Bytes of a call's operands and results.</summary>
    internal static long BytesOf(in FlashCall call)
    {
        ref readonly AttentionProblem problem = ref call.Problem;
        long queries = call.QueryStarts is null ? (long)problem.Batch * problem.QueryLength : call.QueryStarts[problem.Batch];
        long keys = call.KeyStarts is null ? (long)problem.Batch * problem.KeyLength : call.KeyStarts[problem.Batch];
        long dims = ((long)problem.HeadDim + problem.ValueDim) * call.Key.DType.Size();
        return (queries * problem.HeadCount + keys * problem.KvHeadCount) * dims;
    }

    /// <summary>Sets of the first-level cache on which rows begin that lie so many elements apart.</summary>
    private static long SetsOf(nint rowStride, int elementSize) =>
        SetsOfFirstCache / (1L << BitOperations.TrailingZeroCount((rowStride * elementSize / Prefetching.Line) | SetsOfFirstCache));
}
