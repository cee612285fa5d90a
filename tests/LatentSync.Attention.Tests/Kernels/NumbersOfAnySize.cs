namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Elements of one problem whose scores, masks and values have any size, drawn log-uniformly up to the type's largest number, and
/// many of them equal. Queries and keys are small integers times powers of two, so that their dot products are exact in every order of the
/// sum: which scores are equal, and which is the largest, is then no matter of rounding.</summary>
internal sealed class NumbersOfAnySize<T>
    where T : unmanaged
{
    private const int QuerySteps = 2,
        KeySteps = 8,
        BitsOfSums = 13;
    private readonly Random _random;
    private readonly double _querySize,
        _keySize,
        _valueSize;
    private readonly double[] _masks;
    private readonly int _distinctKeys;

    public NumbersOfAnySize(Random random, bool mayOverflow)
    {
        _random = random;
        int largest = (int)Math.Floor(Math.Log2(Numbers<T>.Largest)),
            compute = typeof(T) == typeof(double) ? 1023 : 127;
        int scores = Math.Min(2 * (largest - BitsOfSums / 2), compute - BitsOfSums);
        int exponent = random.Next(-10, (mayOverflow ? scores : Math.Min(scores, compute / 2)) + 1);
        _querySize = Math.ScaleB(1, exponent / 2 - 1);
        _keySize = Math.ScaleB(1, exponent - exponent / 2 - 1);
        _valueSize = Math.ScaleB(1, random.Next(-20, (mayOverflow ? largest : Math.Min(largest, 30)) + 1));
        double most = Numbers<T>.Largest;
        _masks = [-most, 0, .. Enumerable.Range(0, 3).Select(_ => LogUniform(-20, Math.Log2(most)))];
        _distinctKeys = random.Next(3) == 0 ? int.MaxValue : random.Next(1, 4);
    }

    public double QueryElement() => _random.Next(-QuerySteps, QuerySteps + 1) * _querySize;

    public double KeyElement() => _random.Next(-KeySteps, KeySteps + 1) * _keySize;

    /// <summary>Half of the values lie near the largest, the others anywhere below.</summary>
    public double ValueElement() =>
        _random.Next(2) == 0 ? _valueSize * (2 * _random.NextDouble() - 1) : LogUniform(-20, Math.Log2(_valueSize));

    public double MaskElement() => _masks[_random.Next(_masks.Length)];

    /// <summary>Leaves few different rows of keys.</summary>
    public void RepeatRows(StridedTensor<T> key)
    {
        foreach ((int a, int b, int c, int d) in Indices(key).Where(index => index.Row >= _distinctKeys))
        {
            key[a, b, c, d] = key[a, b, c % _distinctKeys, d];
        }
    }

    /// <summary>Some rows of a mask have one number only, as padded queries do: the type's smallest one, and others.</summary>
    public void FillRows(StridedTensor<T> mask)
    {
        double[] rows = [.. Enumerable.Range(0, (int)mask.Lengths[2]).Select(_ => _random.Next(3) == 0 ? MaskElement() : double.NaN)];
        foreach ((int a, int b, int c, int d) in Indices(mask).Where(index => !double.IsNaN(rows[index.Row])))
        {
            mask[a, b, c, d] = Numbers<T>.Of(rows[c]);
        }
    }

    private static IEnumerable<(int A, int B, int Row, int D)> Indices(StridedTensor<T> tensor)
    {
        nint[] lengths = tensor.Lengths;
        return from a in Enumerable.Range(0, (int)lengths[0])
            from b in Enumerable.Range(0, (int)lengths[1])
            from c in Enumerable.Range(0, (int)lengths[2])
            from d in Enumerable.Range(0, (int)lengths[3])
            select (a, b, c, d);
    }

    private double LogUniform(double least, double most)
    {
        double size = Math.Pow(2, least + (most - least) * _random.NextDouble());
        return _random.Next(2) == 0 ? -size : size;
    }
}
