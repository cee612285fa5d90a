using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Planning;

namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>A thread's room for one block's scores; its blocks use it one after the other.</summary>
/// <typeparam name="T">float or double.</typeparam>
internal unsafe struct FlashScratch<T>
    where T : unmanaged
{
    /// <summary>(keys of a block, lanes).</summary>
    internal T* Scores;

    /// <summary>(keys of a block, lanes): a mask's numbers.</summary>
    internal T* Bias;

    /// <summary>(lanes, keys of a block): a mask's rows before they are transposed.</summary>
    internal T* MaskStage;

    /// <summary>Addresses in <see cref="MaskStage"/>, per lane.</summary>
    internal T** MaskRows;

    /// <summary>(keys of a block, lanes): factors of dropout, 0 or 1 / (1 - p); null without dropout.</summary>
    internal T* DropoutFactors;

    /// <summary>(keys of a block, lanes): derivative of the softcap; null except in a backward pass with one.</summary>
    internal T* SoftcapSlopes;

    /// <summary>Four numbers per lane.</summary>
    internal T* LaneNumbers;

    /// <summary>Takes it from a workspace.</summary>
    internal static FlashScratch<T> Of(ref WorkspaceParts parts, in FlashPlan plan, in FlashCall call, bool isBackward)
    {
        long scores = (long)plan.KeyBlock * plan.Lanes;
        var scratch = new FlashScratch<T> { Scores = parts.Take<T>(scores), LaneNumbers = parts.Take<T>(4L * plan.Lanes) };
        scratch.DropoutFactors = call.Problem.Dropout > 0 ? parts.Take<T>(scores) : null;
        scratch.SoftcapSlopes = isBackward && call.Problem.Softcap > 0 ? parts.Take<T>(scores) : null;
        if (call.Mask.Address != 0)
        {
            scratch.Bias = parts.Take<T>(scores);
            scratch.MaskStage = parts.Take<T>((long)FlashTuning.LargestKeyBlock * plan.Lanes);
            scratch.MaskRows = (T**)parts.Take<nint>(plan.Lanes);
        }
        return scratch;
    }
}
