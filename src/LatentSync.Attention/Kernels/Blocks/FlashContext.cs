using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Planning;

namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>What the threads of a call share.</summary>
internal struct FlashContext
{
    /// <summary>The call.</summary>
    internal FlashCall Call;

    /// <summary>How it is cut.</summary>
    internal FlashPlan Plan;

    /// <summary>The next task that nobody has taken.</summary>
    internal long NextTask;

    /// <summary>There are more tasks left than the threads take at once: whoever takes some early leaves no other without.</summary>
    internal bool IsFarFromEnd => Plan.Tasks - Volatile.Read(ref NextTask) > (long)Plan.Threads * Plan.TasksAtOnce;

    /// <summary>Takes some tasks.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="end">After the last of them.</param>
    /// <returns>Whether there were any.</returns>
    internal bool Take(out long first, out long end)
    {
        first = Interlocked.Add(ref NextTask, Plan.TasksAtOnce) - Plan.TasksAtOnce;
        end = Math.Min(first + Plan.TasksAtOnce, Plan.Tasks);
        return first < end;
    }
}

/// <summary>Room that a thread's blocks use in turn.</summary>
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

    /// <summary>(keys of a block, lanes): factors of weights, 0 where one is dropped; null without dropout.</summary>
    internal T* Kept;

    /// <summary>(keys of a block, lanes): derivative of the softcap; null but in a backward pass with one.</summary>
    internal T* Slopes;

    /// <summary>Four numbers per lane.</summary>
    internal T* LaneNumbers;

    /// <summary>Takes it from a workspace.</summary>
    internal static FlashScratch<T> Of(ref WorkspaceParts parts, in FlashPlan plan, in FlashCall call, bool isBackward)
    {
        long scores = (long)plan.KeyBlock * plan.Lanes;
        var scratch = new FlashScratch<T> { Scores = parts.Take<T>(scores), LaneNumbers = parts.Take<T>(4L * plan.Lanes) };
        scratch.Kept = call.Problem.Dropout > 0 ? parts.Take<T>(scores) : null;
        scratch.Slopes = isBackward && call.Problem.Softcap > 0 ? parts.Take<T>(scores) : null;
        if (call.Mask.Address != 0)
        {
            scratch.Bias = parts.Take<T>(scores);
            scratch.MaskStage = parts.Take<T>((long)FlashPlan.LargestKeyBlock * plan.Lanes);
            scratch.MaskRows = (T**)parts.Take<nint>(plan.Lanes);
        }
        return scratch;
    }
}
