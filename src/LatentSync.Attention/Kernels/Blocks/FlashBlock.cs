namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>A block of queries: where its parts lie in the workspace, and its state. Arrays "per lane" have Vectors · W numbers; lanes
/// beyond <see cref="Count"/> repeat the last query and are never written out.</summary>
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

    /// <summary>Backward, per lane: 1 / sum of the weights, 1 where the logsumexp holds it; null where it does for all lanes.</summary>
    internal T* InverseSum;

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

    /// <summary>Smallest <see cref="FirstKey"/> of the lanes that see a key.</summary>
    internal int MinFirstKey;

    /// <summary>Largest <see cref="FirstKey"/>.</summary>
    internal int MaxFirstKey;

    /// <summary>Smallest <see cref="LastKey"/>.</summary>
    internal int MinLastKey;

    /// <summary>Largest <see cref="LastKey"/> of the lanes that see a key; -1 if none does.</summary>
    internal int MaxLastKey;

    /// <summary>Some keys were added already.</summary>
    internal bool HasResult;

    /// <summary>Terms of weight zero are skipped one by one: some hidden key or value is not a finite number.</summary>
    internal bool SkipsZeros;

    /// <summary>Sets how many queries the block has.</summary>
    /// <param name="count">Queries, at least 1.</param>
    /// <param name="vectorLanes">Elements of a vector.</param>
    internal void SetCount(int count, int vectorLanes)
    {
        Count = count;
        Vectors = VectorsFor(count, vectorLanes);
    }

    /// <summary>Vectors side by side for so many queries.</summary>
    internal static int VectorsFor(int count, int vectorLanes) => (count + vectorLanes - 1) / vectorLanes;
}
