namespace LatentSync.Attention.Kernels.Micro;

/// <summary>What the kernels need of an instruction set: one vector type, its elements side by side in lanes. Every kernel is written once
/// over this interface; only <see cref="Lanes512{T}"/>, <see cref="Lanes256{T}"/> and <see cref="Lanes128{T}"/> differ per width. The
/// JIT compiles separate code for each and inlines every call (measured: as fast as code written for one width).</summary>
/// <typeparam name="TVector">The vector.</typeparam>
/// <typeparam name="T">float or double.</typeparam>
internal unsafe interface ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>Elements of a vector (W).</summary>
    static abstract int Count { get; }

    /// <summary>Vectors side by side in a register tile: 4 where there are 32 registers (6 x 4 sums, 4 factors, 1 broadcast), else
    /// 2.</summary>
    static abstract int TileVectors { get; }

    /// <summary>W elements, at any address.</summary>
    static abstract TVector Load(T* source);

    /// <summary>W elements, to any address.</summary>
    static abstract void Store(TVector vector, T* destination);

    /// <summary>One number in all lanes.</summary>
    static abstract TVector Broadcast(T value);

    /// <summary>0, 1, 2, ... times a step, from a start.</summary>
    static abstract TVector Sequence(T start, T step);

    /// <summary>a · b + c, rounded once.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>a + b.</summary>
    static abstract TVector Add(TVector a, TVector b);

    /// <summary>a - b.</summary>
    static abstract TVector Subtract(TVector a, TVector b);

    /// <summary>a · b.</summary>
    static abstract TVector Multiply(TVector a, TVector b);

    /// <summary>a / b.</summary>
    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>The larger one; b where either is NaN.</summary>
    static abstract TVector Max(TVector a, TVector b);

    /// <summary>The smaller one; b where either is NaN.</summary>
    static abstract TVector Min(TVector a, TVector b);

    /// <summary>|a|.</summary>
    static abstract TVector Abs(TVector a);

    /// <summary>All bits of a lane where a &lt; b, else none.</summary>
    static abstract TVector LessThan(TVector a, TVector b);

    /// <summary>All bits of a lane where a = b, else none.</summary>
    static abstract TVector EqualTo(TVector a, TVector b);

    /// <summary>Lanes of <paramref name="yes"/> where the condition has all bits, of <paramref name="no"/> elsewhere.</summary>
    static abstract TVector Select(TVector condition, TVector yes, TVector no);

    /// <summary>The bits of a with the sign of b.</summary>
    static abstract TVector WithSignOf(TVector a, TVector b);

    /// <summary>The low bits of the mantissa, moved into the exponent: 2ⁿ from the number n + bias that
    /// <see cref="Exponential"/> put there.</summary>
    static abstract TVector MantissaToExponent(TVector a);

    /// <summary>Whether any lane has a bit set.</summary>
    static abstract bool AnyBit(TVector a);

    /// <summary>Sum of the lanes.</summary>
    static abstract T Sum(TVector a);

    /// <summary>Largest lane.</summary>
    static abstract T Largest(TVector a);

    /// <summary>Transposes W rows of 4 columns: lane i of column c becomes element c of row i. Fast for float only.</summary>
    /// <param name="rows">W addresses of rows.</param>
    /// <param name="column">First of the 4 columns.</param>
    /// <param name="destination">Column c goes to <paramref name="destination"/> + c · <paramref name="stride"/>.</param>
    /// <param name="stride">Elements from column to column.</param>
    static abstract void GatherColumns4(T** rows, nint column, T* destination, nint stride);

    /// <summary>The reverse of <see cref="GatherColumns4"/>: each column is multiplied by <paramref name="factor"/> on its way.</summary>
    static abstract void ScatterColumns4(T* source, nint stride, TVector factor, T** rows, nint column);
}
