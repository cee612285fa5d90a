using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Planning;

namespace LatentSync.Attention.Kernels.Forward;

/// <content>A thread's memory.</content>
internal static unsafe partial class FlashForward<TLanes, TVector, T>
{
    /// <summary>A thread's workspace, divided.</summary>
    private readonly ref struct TaskMemory
    {
        internal readonly FlashScratch<T> Scratch;
        internal readonly FlashBlock<T>* Blocks;
        internal readonly T* Stage; // copied rows of several heads
        internal readonly T* Keys; // (keys of a block, D), copied
        internal readonly T* Values; // (keys of a block, Dv), copied
        internal readonly T** Rows; // addresses, per lane
        internal readonly T** ConvertedRowAddresses; // per lane
        internal readonly T* ConvertedRows; // (lanes, RowWidth): queries or results in the type of the computation
        internal readonly T* Discarded; // takes the results of lanes that are no query
        internal readonly int RowWidth;
        internal readonly byte** PrefetchRows; // addresses of rows to prefetch
        internal readonly int MostPrefetchRows;

        internal TaskMemory(ref WorkspaceParts parts, FlashContext* shared)
        {
            ref readonly FlashPlan plan = ref shared->Plan;
            ref readonly FlashCall call = ref shared->Call;
            int headDim = call.Problem.HeadDim,
                valueDim = call.Problem.ValueDim,
                lanes = plan.Lanes;
            RowWidth = Math.Max(headDim, valueDim);
            Scratch = FlashScratch<T>.Of(ref parts, plan, call, isBackward: false);
            Rows = (T**)parts.Take<nint>(lanes);
            Discarded = parts.Take<T>(valueDim);
            MostPrefetchRows = 2 * (lanes + plan.KeyBlock); // a block's results and the next one's queries, keys and values
            PrefetchRows = (byte**)parts.Take<nint>(MostPrefetchRows);
            if (plan.Staged)
            {
                Stage = parts.Take<T>(StageElements(call, plan));
            }
            else
            {
                Keys = plan.InPlace ? null : parts.Take<T>((long)plan.KeyBlock * headDim);
                Values = plan.CopiesValues ? parts.Take<T>((long)plan.KeyBlock * plan.ValueStride) : null;
                ConvertedRowAddresses = (T**)parts.Take<nint>(lanes);
                ConvertedRows = parts.Take<T>((long)lanes * RowWidth);
            }
            int blocks = plan.IsShort ? 1 : plan.BlocksPerTask;
            Blocks = parts.Take<FlashBlock<T>>(blocks);
            for (int i = 0; i < blocks; i++)
            {
                var block = new FlashBlock<T>
                {
                    Query = parts.Take<T>((long)headDim * lanes),
                    Result = parts.Take<T>((long)valueDim * lanes),
                    Maximum = parts.Take<T>(lanes),
                    Sum = parts.Take<T>(lanes),
                    FirstKey = parts.Take<int>(lanes),
                    LastKey = parts.Take<int>(lanes),
                    Position = parts.Take<int>(lanes),
                    Diagonal = parts.Take<int>(lanes),
                    Head = parts.Take<int>(lanes),
                };
                if (!parts.IsCounting)
                {
                    Blocks[i] = block;
                }
            }
        }

        /// <summary>Queries, keys and values; the results too where they do not fit in place of the queries.</summary>
        private static long StageElements(in FlashCall call, in FlashPlan plan)
        {
            int headDim = call.Problem.HeadDim,
                valueDim = call.Problem.ValueDim,
                heads = plan.HeadsPerTask;
            return HeadStage<T>.Elements(call.Problem.QueryLength, heads, headDim)
                + HeadStage<T>.Elements(call.Problem.KeyLength, heads, headDim)
                + HeadStage<T>.Elements(call.Problem.KeyLength, heads, valueDim)
                + (headDim == valueDim ? 0 : HeadStage<T>.Elements(call.Problem.QueryLength, heads, valueDim));
        }
    }
}
