namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>A block of queries in a task: where its parts lie in the workspace, and what is known of them so far. Arrays "per lane" have
/// Vectors · W numbers; lanes beyond <see cref="Count"/> repeat the last query and are never written out.</summary>
/// <typeparam name="T">float or double.</typeparam>
internal unsafe struct FlashBlock<T>
    where T : unmanaged
{
    /// <summary>Vectors side by side, 1 to 4.</summary>
    internal int Vectors;

    /// <summary>Lanes that are queries.</summary>
    internal int Count;

    /// <summary>(D, lanes): the queries, transposed.</summary>
    internal T* Query;

    /// <summary>(Dv, lanes): Σ P V so far, transposed and not divided yet.</summary>
    internal T* Result;

    /// <summary>Largest score so far, per lane.</summary>
    internal T* Maximum;

    /// <summary>Sum of the weights so far, per lane.</summary>
    internal T* Sum;

    /// <summary>Backward, per lane: factor on the weights, 1 where the logsumexp holds it; null where it does for all.</summary>
    internal T* Share;

    /// <summary>First visible key, per lane.</summary>
    internal int* FirstKey;

    /// <summary>Last visible key, per lane; before <see cref="FirstKey"/> when there is none.</summary>
    internal int* LastKey;

    /// <summary>Query's position in its sequence, per lane.</summary>
    internal int* Position;

    /// <summary>Key on the query's diagonal, per lane.</summary>
    internal int* Diagonal;

    /// <summary>Query's head, per lane.</summary>
    internal int* Head;

    /// <summary>Smallest <see cref="FirstKey"/>.</summary>
    internal int FirstOfAll;

    /// <summary>Largest <see cref="FirstKey"/>.</summary>
    internal int FirstOfLast;

    /// <summary>Smallest <see cref="LastKey"/>.</summary>
    internal int LastOfFirst;

    /// <summary>Largest <see cref="LastKey"/>.</summary>
    internal int LastOfAll;

    /// <summary>Some keys were added already.</summary>
    internal bool HasResult;

    /// <summary>Terms of a weight of zero are left out one by one: some hidden key or value is not a finite number.</summary>
    internal bool LeavesOutZeros;
}
