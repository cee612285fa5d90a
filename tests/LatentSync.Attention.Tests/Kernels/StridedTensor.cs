using System.Numerics.Tensors;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>How four dimensions lie in memory.</summary>
/// <param name="Order">The dimensions, innermost first.</param>
/// <param name="Step">Elements between neighbours of the innermost dimension.</param>
/// <param name="Padding">Elements left free after each dimension.</param>
/// <param name="Broadcast">Dimensions with stride 0, as bits.</param>
internal sealed record Layout(string Order, int Step, int Padding, int Broadcast)
{
    public static Layout Dense { get; } = new("3210", 1, 0, 0);

    /// <summary>(B, L, H, D) in memory.</summary>
    public static Layout LengthFirst { get; } = new("3120", 1, 0, 0);

    public static Layout Draw(Random random, bool mayBroadcast)
    {
        char[] order = ['3', '2', '1', '0'];
        int kind = random.Next(6);
        if (kind == 0)
        {
            random.Shuffle(order);
        }
        else if (kind < 4)
        {
            (order[1], order[2]) = (order[2], order[1]);
        }
        return new Layout(
            new string(order),
            random.Next(6) == 0 ? 2 : 1,
            random.Next(3) == 0 ? random.Next(1, 9) : 0,
            mayBroadcast && random.Next(6) == 0 ? 1 << random.Next(4) : 0
        );
    }
}

/// <summary>A tensor (a, b, c, d) in memory that is larger than it: what belongs to no element holds a filling, which tells who reads or
/// writes beside.</summary>
internal sealed class StridedTensor<T>
    where T : unmanaged
{
    private const int Margin = 37;
    private readonly int _start;

    public StridedTensor(ReadOnlySpan<int> lengths, Layout layout, T filling)
    {
        Lengths = [lengths[0], lengths[1], lengths[2], lengths[3]];
        Strides = new nint[4];
        nint next = layout.Step;
        foreach (char dimension in layout.Order)
        {
            int i = dimension - '0';
            if (Lengths[i] > 1 && (layout.Broadcast >> i & 1) == 0)
            {
                Strides[i] = next;
                next = next * Lengths[i] + layout.Padding;
            }
        }
        nint extent = IsEmpty ? 0 : 1;
        for (int i = 0; i < 4 && !IsEmpty; i++)
        {
            extent += (Lengths[i] - 1) * Strides[i];
        }
        _start = IsEmpty ? 0 : Margin;
        Memory = new T[IsEmpty ? 0 : extent + 2 * Margin];
        Memory.AsSpan().Fill(filling);
    }

    public nint[] Lengths { get; }

    public nint[] Strides { get; }

    public T[] Memory { get; }

    public bool IsEmpty => Lengths.Contains(0);

    public ref T this[int a, int b, int c, int d] => ref Memory[Place(a, b, c, d)];

    public TensorSpan<T> Span => IsEmpty ? new TensorSpan<T>(Memory, Lengths) : new TensorSpan<T>(Memory, _start, Lengths, Strides);

    public ReadOnlyTensorSpan<T> ReadOnlySpan => Span;

    /// <summary>Places in memory of all elements, each once.</summary>
    public IEnumerable<int> Places()
    {
        if (IsEmpty)
        {
            yield break;
        }
        for (int a = 0; a < (Strides[0] == 0 ? 1 : Lengths[0]); a++)
        {
            for (int b = 0; b < (Strides[1] == 0 ? 1 : Lengths[1]); b++)
            {
                for (int c = 0; c < (Strides[2] == 0 ? 1 : Lengths[2]); c++)
                {
                    for (int d = 0; d < (Strides[3] == 0 ? 1 : Lengths[3]); d++)
                    {
                        yield return Place(a, b, c, d);
                    }
                }
            }
        }
    }

    public StridedTensor<T> Fill(Func<double> number)
    {
        foreach (int place in Places())
        {
            Memory[place] = Numbers<T>.Of(number());
        }
        return this;
    }

    public int Place(int a, int b, int c, int d) => (int)(_start + a * Strides[0] + b * Strides[1] + c * Strides[2] + d * Strides[3]);
}
