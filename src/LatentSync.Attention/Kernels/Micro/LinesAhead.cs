using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>Rows of memory that will be needed next, asked for some lines at a time while something else is computed. All at once they would wait for
/// each other, and what is computed for them.</summary>
/// <param name="rows">Addresses of the rows; read as long as lines are asked for.</param>
/// <param name="count">Rows.</param>
/// <param name="bytes">Bytes of a row, at least 1.</param>
/// <param name="turns">How often <see cref="Ask"/> will be called, about: so many turns share the lines. At 0 nothing is asked for.</param>
internal unsafe struct LinesAhead(byte** rows, int count, long bytes, int turns)
{
    private readonly long _linesAtOnce = turns > 0 ? (count * ((bytes + Prefetching.Line - 1) / Prefetching.Line) + turns - 1) / turns : 0;
    private byte** _row = rows;
    private int _rowsLeft = count;
    private long _offset;

    /// <summary>Asks for the next lines, if there is anything to ask for.</summary>
    /// <remarks>Inlined always: a call inside a tile would have all its sums written to memory and read again.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Ask(LinesAhead* ahead)
    {
        if (ahead is not null)
        {
            ahead->AskForSome();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void AskForSome()
    {
        for (long i = _linesAtOnce; i > 0 && _rowsLeft > 0; i--)
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
