using System.Diagnostics;
using Vec = System.Numerics.Vector<double>;

namespace LatentSync.Media.Audio;

/// <summary>Complex Fourier transforms in float64, several at once: each vector lane carries its own transform.</summary>
/// <remarks>X_k = sum_n x_n exp(-2 pi i k n / N). Stockham's self-sorting algorithm, decimation in frequency, one pass per prime-ish factor
/// (radix 4 where possible, then 2, 3, 5). Because lanes never meet there are no shuffles and no tails, and scalar and vector code are the
/// same code. Error: a few units in the last place of float64 times log N.</remarks>
internal sealed class LaneFft
{
    private readonly int[] _radices;
    private readonly double[] _cos;
    private readonly double[] _sin;

    /// <summary>Prepares transforms of one length.</summary>
    /// <param name="length">N: a product of 2, 3 and 5.</param>
    public LaneFft(int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        Length = length;
        _radices = Factor(length);
        _cos = new double[length];
        _sin = new double[length];
        for (int i = 0; i < length; i++)
        {
            (_sin[i], _cos[i]) = Math.SinCos(-2 * Math.PI * i / length);
        }
    }

    /// <summary>N.</summary>
    public int Length { get; }

    /// <summary>Transforms in place.</summary>
    /// <param name="real">N vectors: the real parts, lane by lane.</param>
    /// <param name="imaginary">N vectors: the imaginary parts.</param>
    /// <param name="workReal">N vectors of scratch.</param>
    /// <param name="workImaginary">N vectors of scratch.</param>
    public void Forward(Span<Vec> real, Span<Vec> imaginary, Span<Vec> workReal, Span<Vec> workImaginary)
    {
        Debug.Assert(real.Length == Length && imaginary.Length == Length && workReal.Length == Length && workImaginary.Length == Length);
        Span<Vec> sourceReal = real;
        Span<Vec> sourceImaginary = imaginary;
        Span<Vec> targetReal = workReal;
        Span<Vec> targetImaginary = workImaginary;
        int remaining = Length;
        int stride = 1;
        foreach (int radix in _radices)
        {
            Pass(radix, remaining, stride, sourceReal, sourceImaginary, targetReal, targetImaginary);
            Span<Vec> swap = sourceReal;
            sourceReal = targetReal;
            targetReal = swap;
            swap = sourceImaginary;
            sourceImaginary = targetImaginary;
            targetImaginary = swap;
            remaining /= radix;
            stride *= radix;
        }

        if (_radices.Length % 2 == 1)
        {
            workReal.CopyTo(real);
            workImaginary.CopyTo(imaginary);
        }
    }

    /// <summary>Power spectra |A|², |B|² of the two real signals a, b whose a + ib was transformed to Z: with Y = conj(Z[N-k]), A = (Z +
    /// Y)/2, B = (Z - Y)/2i.</summary>
    /// <param name="real">N vectors: the real parts of Z.</param>
    /// <param name="imaginary">N vectors: the imaginary parts of Z.</param>
    /// <param name="firstPower">The first bins of |A|², at most N/2 + 1.</param>
    /// <param name="secondPower">As many bins of |B|².</param>
    public void SeparatePowers(ReadOnlySpan<Vec> real, ReadOnlySpan<Vec> imaginary, Span<Vec> firstPower, Span<Vec> secondPower)
    {
        Debug.Assert(real.Length == Length && imaginary.Length == Length && firstPower.Length == secondPower.Length);
        for (int k = 0; k < firstPower.Length; k++)
        {
            int mirror = (Length - k) % Length;
            Vec aReal = real[k] + real[mirror];
            Vec aImaginary = imaginary[k] - imaginary[mirror];
            Vec bReal = imaginary[k] + imaginary[mirror];
            Vec bImaginary = real[mirror] - real[k];
            firstPower[k] = (aReal * aReal + aImaginary * aImaginary) * 0.25;
            secondPower[k] = (bReal * bReal + bImaginary * bImaginary) * 0.25;
        }
    }

    /// <summary>One Stockham pass: y[q + s(rp + k)] = w^(pk) sum_j x[q + s(p + jm)] exp(-2 pi i jk / r), with n = r m and w = exp(-2 pi i /
    /// n).</summary>
    private void Pass(int radix, int n, int s, ReadOnlySpan<Vec> xr, ReadOnlySpan<Vec> xi, Span<Vec> yr, Span<Vec> yi)
    {
        int m = n / radix;
        int step = Length / n; // table index of w
        Span<Vec> ar = stackalloc Vec[radix];
        Span<Vec> ai = stackalloc Vec[radix];
        for (int p = 0; p < m; p++)
        {
            for (int q = 0; q < s; q++)
            {
                for (int j = 0; j < radix; j++)
                {
                    ar[j] = xr[q + s * (p + j * m)];
                    ai[j] = xi[q + s * (p + j * m)];
                }

                Butterfly(ar, ai);
                for (int k = 0; k < radix; k++)
                {
                    int angle = p * k * step; // below N, since p < m and k < r
                    int at = q + s * (radix * p + k);
                    yr[at] = ar[k] * _cos[angle] - ai[k] * _sin[angle];
                    yi[at] = ar[k] * _sin[angle] + ai[k] * _cos[angle];
                }
            }
        }
    }

    /// <summary>The small transform of length r, in place: radix 2 and 4 by additions, 3 and 5 by their symmetric sums.</summary>
    private static void Butterfly(Span<Vec> r, Span<Vec> i)
    {
        switch (r.Length)
        {
            case 2:
                (r[0], r[1]) = (r[0] + r[1], r[0] - r[1]);
                (i[0], i[1]) = (i[0] + i[1], i[0] - i[1]);
                break;
            case 4:
            {
                Vec sr = r[0] + r[2],
                    si = i[0] + i[2],
                    dr = r[0] - r[2],
                    di = i[0] - i[2];
                Vec tr = r[1] + r[3],
                    ti = i[1] + i[3],
                    er = r[1] - r[3],
                    ei = i[1] - i[3];
                (r[0], i[0], r[2], i[2]) = (sr + tr, si + ti, sr - tr, si - ti);
                (r[1], i[1], r[3], i[3]) = (dr + ei, di - er, dr - ei, di + er); // -i (er + i ei) = ei - i er
                break;
            }

            case 3:
            {
                Vec sr = r[1] + r[2],
                    si = i[1] + i[2],
                    dr = (r[1] - r[2]) * Sin3,
                    di = (i[1] - i[2]) * Sin3;
                Vec cr = r[0] - sr * 0.5,
                    ci = i[0] - si * 0.5;
                (r[0], i[0]) = (r[0] + sr, i[0] + si);
                (r[1], i[1], r[2], i[2]) = (cr + di, ci - dr, cr - di, ci + dr);
                break;
            }

            default: // 5
            {
                Vec ar = r[1] + r[4],
                    ai = i[1] + i[4],
                    br = r[2] + r[3],
                    bi = i[2] + i[3];
                Vec cr = r[1] - r[4],
                    ci = i[1] - i[4],
                    dr = r[2] - r[3],
                    di = i[2] - i[3];
                Vec er = r[0] + ar * Cos5 + br * Cos25,
                    ei = i[0] + ai * Cos5 + bi * Cos25;
                Vec fr = r[0] + ar * Cos25 + br * Cos5,
                    fi = i[0] + ai * Cos25 + bi * Cos5;
                Vec gr = cr * Sin5 + dr * Sin25,
                    gi = ci * Sin5 + di * Sin25;
                Vec hr = cr * Sin25 - dr * Sin5,
                    hi = ci * Sin25 - di * Sin5;
                (r[0], i[0]) = (r[0] + ar + br, i[0] + ai + bi);
                (r[1], i[1], r[4], i[4]) = (er + gi, ei - gr, er - gi, ei + gr);
                (r[2], i[2], r[3], i[3]) = (fr + hi, fi - hr, fr - hi, fi + hr);
                break;
            }
        }
    }

    private static int[] Factor(int length)
    {
        var radices = new List<int>();
        int rest = length;
        foreach (int radix in (ReadOnlySpan<int>)[4, 2, 3, 5])
        {
            for (; rest % radix == 0; rest /= radix)
            {
                radices.Add(radix);
            }
        }

        return rest == 1
            ? [.. radices]
            : throw new ArgumentException($"The length {length} is not a product of 2, 3 and 5.", nameof(length));
    }

    private static readonly double Sin3 = Math.Sin(2 * Math.PI / 3);
    private static readonly double Cos5 = Math.Cos(2 * Math.PI / 5);
    private static readonly double Cos25 = Math.Cos(4 * Math.PI / 5);
    private static readonly double Sin5 = Math.Sin(2 * Math.PI / 5);
    private static readonly double Sin25 = Math.Sin(4 * Math.PI / 5);
}
