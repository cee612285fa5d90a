using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>Software prefetching of rows, some cache lines at each of many points of a computation. Requested all at once, the lines would
/// wait for each other, and the computation for them.</summary>
/// <param name="rows">Addresses of the rows; read as long as lines are left.</param>
/// <param name="count">Rows.</param>
/// <param name="bytes">Bytes of a row, at least 1.</param>
/// <param name="points">How often <see cref="Step"/> will be called, about: the lines are divided among so many calls. With 0 nothing is
/// prefetched.</param>
internal unsafe struct LinePrefetcher(byte** rows, int count, long bytes, int points)
{
    private readonly long _linesPerStep =
        points > 0 ? (count * ((bytes + Prefetching.Line - 1) / Prefetching.Line) + points - 1) / points : 0;
    private byte** _row = rows;
    private int _rowsLeft = count;
    private long _offset;

    /// <summary>Prefetches the next lines, if any are left.</summary>
    /// <param name="prefetcher">The prefetcher; null for none.</param>
    /// <remarks>Always inlined: around a call inside a tile all its sums would be written to memory and read again.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Step(LinePrefetcher* prefetcher)
    {
        if (prefetcher is not null)
        {
            prefetcher->PrefetchSome();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PrefetchSome()
    {
        for (long i = _linesPerStep; i > 0 && _rowsLeft > 0; i--)
        {
            Prefetching.ToSecondCache(*_row + _offset);
            _offset += Prefetching.Line;
            if (_offset >= bytes)
            {
                _offset = 0;
                _row++;
                _rowsLeft--;
            }
        }
    }
}
