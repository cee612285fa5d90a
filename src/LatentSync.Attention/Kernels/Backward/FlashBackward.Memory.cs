using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Planning;

namespace LatentSync.Attention.Kernels.Backward;

/// <content>A thread's memory.</content>
internal static unsafe partial class FlashBackward<TLanes, TVector, T>
{
    /// <summary>A thread's workspace, divided.</summary>
    private readonly ref struct GradientMemory
    {
        internal readonly FlashScratch<T> Scratch;
        internal readonly FlashBlock<T> Block;
        internal readonly T* WeightGradients; // (keys of a block, lanes)
        internal readonly T* QueryRows; // (lanes, D padded)
        internal readonly T* ResultGradientRows; // (lanes, Dv padded)
        internal readonly T* ResultGradient; // (Dv, lanes)
        internal readonly T* QueryGradient; // (D, lanes)
        internal readonly T* ResultRow; // one row
        internal readonly T* Delta; // per lane
        internal readonly T* Shift; // per lane
        internal readonly T* InverseSum; // per lane
        internal readonly T** Rows; // per lane
        internal readonly T* Keys; // (keys of a block, D)
        internal readonly T* Values; // (keys of a block, Dv)
        internal readonly T* KeySums; // (keys of a task, D padded)
        internal readonly T* ValueSums; // (keys of a task, Dv padded)
        internal readonly byte** PrefetchRows; // addresses of rows to prefetch
        internal readonly int MostPrefetchRows;
        internal readonly T* Stage; // rows of several heads, of all operands and gradients
        internal readonly int PaddedHeadDim;
        internal readonly int PaddedValueDim;

        internal GradientMemory(ref WorkspaceParts parts, FlashGradientContext* shared)
        {
            ref readonly FlashPlan plan = ref shared->Forward.Plan;
            ref readonly FlashCall call = ref shared->Forward.Call;
            int headDim = call.Problem.HeadDim,
                valueDim = call.Problem.ValueDim,
                lanes = plan.Lanes;
            PaddedHeadDim = (headDim + TLanes.Count - 1) / TLanes.Count * TLanes.Count;
            PaddedValueDim = (valueDim + TLanes.Count - 1) / TLanes.Count * TLanes.Count;
            Scratch = FlashScratch<T>.Of(ref parts, plan, call, isBackward: true);
            WeightGradients = parts.Take<T>((long)plan.KeyBlock * lanes);
            QueryRows = parts.Take<T>((long)lanes * PaddedHeadDim);
            ResultGradientRows = parts.Take<T>((long)lanes * PaddedValueDim);
            ResultGradient = parts.Take<T>((long)valueDim * lanes);
            QueryGradient = parts.Take<T>((long)headDim * lanes);
            ResultRow = parts.Take<T>(Math.Max(PaddedHeadDim, PaddedValueDim));
            Delta = parts.Take<T>(lanes);
            Shift = parts.Take<T>(lanes);
            InverseSum = parts.Take<T>(lanes);
            Rows = (T**)parts.Take<nint>(lanes);
            // Gradients of queries, keys and values; the next queries, results, their gradients, keys and values.
            MostPrefetchRows = 4 * (lanes + plan.KeyBlock);
            PrefetchRows = (byte**)parts.Take<nint>(MostPrefetchRows);
            Keys = plan.InPlace ? null : parts.Take<T>((long)plan.KeyBlock * headDim);
            Values = plan.CopiesValues ? parts.Take<T>((long)plan.KeyBlock * plan.ValueStride) : null;
            long keys = shared->Pass == GradientPass.Queries ? 0 : shared->Plan.KeysPerTask;
            KeySums = parts.Take<T>(keys * PaddedHeadDim);
            ValueSums = parts.Take<T>(keys * PaddedValueDim);
            Stage = plan.Staged ? parts.Take<T>(StageElements(call, plan)) : null;
            Block = new FlashBlock<T>
            {
                Query = parts.Take<T>((long)headDim * lanes),
                Maximum = parts.Take<T>(lanes),
                Sum = parts.Take<T>(lanes),
                FirstKey = parts.Take<int>(lanes),
                LastKey = parts.Take<int>(lanes),
                Position = parts.Take<int>(lanes),
                Diagonal = parts.Take<int>(lanes),
                Head = parts.Take<int>(lanes),
            };
        }

        /// <summary>Queries, keys, values, results, and the gradients of each.</summary>
        private static long StageElements(in FlashCall call, in FlashPlan plan)
        {
            int headDim = call.Problem.HeadDim,
                valueDim = call.Problem.ValueDim,
                heads = plan.HeadsPerTask;
            int queries = call.Problem.QueryLength,
                keys = call.Problem.KeyLength;
            return 2
                * (
                    HeadStage<T>.Elements(queries, heads, headDim)
                    + HeadStage<T>.Elements(queries, heads, valueDim)
                    + HeadStage<T>.Elements(keys, heads, headDim)
                    + HeadStage<T>.Elements(keys, heads, valueDim)
                );
        }
    }
}
