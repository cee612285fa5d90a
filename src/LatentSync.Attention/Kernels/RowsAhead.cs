using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels;

/// <summary>A list of the rows that a thread will need next, to be asked for while it computes.</summary>
/// <typeparam name="T">float or double.</typeparam>
/// <param name="room">Room for their addresses.</param>
/// <param name="capacity">How many addresses there is room for; further rows are not asked for.</param>
internal unsafe ref struct RowsAhead<T>(T** room, int capacity)
    where T : unmanaged
{
    private int _count;

    /// <summary>Rows of consecutive queries of a key head's group, as <see cref="FlashSequence.FindRows"/> counts them.</summary>
    internal void Add(in FlashOperand operand, in FlashSequence sequence, int group, int kvHead, int row, int count)
    {
        count = Math.Min(count, capacity - _count);
        if (count > 0)
        {
            sequence.FindRows(operand, group, kvHead, row, count, count, room + _count);
            _count += count;
        }
    }

    /// <summary>Rows of consecutive positions.</summary>
    internal void Add(in FlashOperand operand, nint batch, nint head, nint position, int count)
    {
        for (int end = Math.Min(_count + count, capacity); _count < end; position++)
        {
            room[_count++] = (T*)operand.Row(batch, head, position);
        }
    }

    /// <summary>Their lines.</summary>
    /// <param name="call">The call whose operands they belong to.</param>
    /// <param name="turns">How often there will be a turn to ask.</param>
    /// <param name="heads">Heads of a row, side by side.</param>
    internal readonly LinesAhead Lines(in FlashCall call, int turns, int heads = 1) =>
        new((byte**)room, _count, heads * Math.Max(call.Problem.HeadDim, call.Problem.ValueDim) * call.Key.DType.Size(), turns);
}
