using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Threads;
using TorchSharp;

namespace LatentSync.Lab.Verification;

/// <summary>The most this machine multiplies and adds, in bursts of about 2 ms: chains of multiply-adds that touch no memory, in the widest
/// vectors that .NET has here, on as many threads as libtorch uses, all at once. A kernel cannot be faster, whatever its method.</summary>
/// <remarks>
/// Where cores are shared with other machines, bursts that follow each other differ by half. So bursts are a turn among the timed kernels
/// (10 ms of them, up to 100 ms where the kernels take long), and a kernel's fraction of the peak is median by median of the same rounds.
/// Measured with single bursts of 2 ms: a median of 4 rounds once lay below a kernel's.
/// The chain is x ← x · ½ + 1, which stays near 2 and never becomes denormal.
/// A multiply-add takes 4 to 5 cycles and a core starts 2 a cycle (4 on some ARM cores), so 8 to 20 independent chains keep it busy. 24
/// chains where there are 32 registers, 12 where there are 16, so that with the two constants none is spilled.
/// </remarks>
internal sealed unsafe class FmaPeak
{
    private static readonly TimeSpan Length = TimeSpan.FromMilliseconds(2);

    /// <summary>Threads take work in pieces of this length, as a kernel's do: in equal parts, the burst would wait for the thread whose
    /// core another process has just taken (measured: kernels then had 131 % of the peak).</summary>
    private static readonly TimeSpan Piece = TimeSpan.FromMilliseconds(0.05);

    private readonly delegate* <void*, void> _body;
    private readonly long _turns;
    private readonly int _pieces;

    private FmaPeak(delegate* <void*, void> body, double flopPerTurn)
    {
        _body = body;
        (_turns, _pieces) = (10_000, 1);
        Run(); // compiles, wakes the threads
        _turns = Math.Max((long)(_turns * Piece.TotalSeconds / Time()), 1);
        _pieces = (int)(Length / Piece) * Threads;
        Seconds = Time();
        FlopCount = flopPerTurn * _turns * _pieces;
    }

    /// <summary>Floating-point operations of a burst, on all threads together.</summary>
    internal double FlopCount { get; }

    /// <summary>Seconds that the first whole burst took.</summary>
    internal double Seconds { get; }

    private static int Threads => Math.Min(torch.get_num_threads(), TorchTeam.Shared.Size);

    /// <summary>A burst in doubles for float64, else in floats.</summary>
    internal static FmaPeak Of(AttentionDType dtype)
    {
        bool isDouble = dtype == AttentionDType.Float64;
        if (Vector512.IsHardwareAccelerated)
        {
            return isDouble ? Of<Lanes512<double>, Vector512<double>, double>() : Of<Lanes512<float>, Vector512<float>, float>();
        }
        if (Vector256.IsHardwareAccelerated)
        {
            return isDouble ? Of<Lanes256<double>, Vector256<double>, double>() : Of<Lanes256<float>, Vector256<float>, float>();
        }
        return isDouble ? Of<Lanes128<double>, Vector128<double>, double>() : Of<Lanes128<float>, Vector128<float>, float>();
    }

    /// <summary>Bursts for about a quarter of the time that a kernel takes.</summary>
    /// <param name="kernelSeconds">What the fastest kernel beside it takes.</param>
    internal FmaTurn Turn(double kernelSeconds)
    {
        int bursts = (int)Math.Clamp(kernelSeconds / 4 / Length.TotalSeconds, 5, 50);
        return new FmaTurn(new TimedCall(Bursts, Time() * bursts), FlopCount * bursts);

        void Bursts()
        {
            for (int i = 0; i < bursts; i++)
            {
                Run();
            }
        }
    }

    /// <summary>One burst.</summary>
    /// <returns>Threads that took part.</returns>
    internal int Run()
    {
        var job = new Job { Turns = _turns, Pieces = _pieces };
        TorchTeam.Shared.Run(Threads, _body, &job);
        return job.Threads;
    }

    /// <summary>Seconds of one burst.</summary>
    internal double Time()
    {
        long start = Stopwatch.GetTimestamp();
        Run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static FmaPeak Of<TLanes, TVector, T>()
        where TLanes : struct, ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged =>
        TLanes.TileVectors == 4
            ? new FmaPeak(&Chains24<TLanes, TVector, T>, 2.0 * 24 * TLanes.Count)
            : new FmaPeak(&Chains12<TLanes, TVector, T>, 2.0 * 12 * TLanes.Count);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Chains12<TLanes, TVector, T>(void* context)
        where TLanes : struct, ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged
    {
        var job = (Job*)context;
        TVector one = TLanes.Broadcast(One<T>()),
            half = TLanes.Divide(one, TLanes.Add(one, one));
        TVector a = one,
            b = one,
            c = one,
            d = one,
            e = one,
            f = one,
            g = one,
            h = one,
            i = one,
            j = one,
            k = one,
            l = one;
        for (long turn = job->Take(); turn > 0; turn = turn > 1 ? turn - 1 : job->Take())
        {
            a = TLanes.MultiplyAdd(a, half, one);
            b = TLanes.MultiplyAdd(b, half, one);
            c = TLanes.MultiplyAdd(c, half, one);
            d = TLanes.MultiplyAdd(d, half, one);
            e = TLanes.MultiplyAdd(e, half, one);
            f = TLanes.MultiplyAdd(f, half, one);
            g = TLanes.MultiplyAdd(g, half, one);
            h = TLanes.MultiplyAdd(h, half, one);
            i = TLanes.MultiplyAdd(i, half, one);
            j = TLanes.MultiplyAdd(j, half, one);
            k = TLanes.MultiplyAdd(k, half, one);
            l = TLanes.MultiplyAdd(l, half, one);
        }
        job->Finish(
            TLanes.AnyBit(
                Sum<TLanes, TVector, T>(
                    Sum<TLanes, TVector, T>(a, b, c, d, e, f),
                    g,
                    h,
                    i,
                    j,
                    Sum<TLanes, TVector, T>(k, l, one, one, one, one)
                )
            )
        );
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Chains24<TLanes, TVector, T>(void* context)
        where TLanes : struct, ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged
    {
        var job = (Job*)context;
        TVector one = TLanes.Broadcast(One<T>()),
            half = TLanes.Divide(one, TLanes.Add(one, one));
        TVector a = one,
            b = one,
            c = one,
            d = one,
            e = one,
            f = one,
            g = one,
            h = one,
            i = one,
            j = one,
            k = one,
            l = one;
        TVector m = one,
            n = one,
            o = one,
            p = one,
            q = one,
            r = one,
            s = one,
            t = one,
            u = one,
            v = one,
            w = one,
            x = one;
        for (long turn = job->Take(); turn > 0; turn = turn > 1 ? turn - 1 : job->Take())
        {
            a = TLanes.MultiplyAdd(a, half, one);
            b = TLanes.MultiplyAdd(b, half, one);
            c = TLanes.MultiplyAdd(c, half, one);
            d = TLanes.MultiplyAdd(d, half, one);
            e = TLanes.MultiplyAdd(e, half, one);
            f = TLanes.MultiplyAdd(f, half, one);
            g = TLanes.MultiplyAdd(g, half, one);
            h = TLanes.MultiplyAdd(h, half, one);
            i = TLanes.MultiplyAdd(i, half, one);
            j = TLanes.MultiplyAdd(j, half, one);
            k = TLanes.MultiplyAdd(k, half, one);
            l = TLanes.MultiplyAdd(l, half, one);
            m = TLanes.MultiplyAdd(m, half, one);
            n = TLanes.MultiplyAdd(n, half, one);
            o = TLanes.MultiplyAdd(o, half, one);
            p = TLanes.MultiplyAdd(p, half, one);
            q = TLanes.MultiplyAdd(q, half, one);
            r = TLanes.MultiplyAdd(r, half, one);
            s = TLanes.MultiplyAdd(s, half, one);
            t = TLanes.MultiplyAdd(t, half, one);
            u = TLanes.MultiplyAdd(u, half, one);
            v = TLanes.MultiplyAdd(v, half, one);
            w = TLanes.MultiplyAdd(w, half, one);
            x = TLanes.MultiplyAdd(x, half, one);
        }
        TVector first = Sum<TLanes, TVector, T>(Sum<TLanes, TVector, T>(a, b, c, d, e, f), g, h, i, j, k);
        TVector second = Sum<TLanes, TVector, T>(Sum<TLanes, TVector, T>(m, n, o, p, q, r), s, t, u, v, w);
        job->Finish(TLanes.AnyBit(Sum<TLanes, TVector, T>(first, second, l, x, one, one)));
    }

    private static TVector Sum<TLanes, TVector, T>(TVector a, TVector b, TVector c, TVector d, TVector e, TVector f)
        where TLanes : struct, ILanes<TVector, T>
        where TVector : struct
        where T : unmanaged => TLanes.Add(TLanes.Add(TLanes.Add(a, b), TLanes.Add(c, d)), TLanes.Add(e, f));

    private static T One<T>()
        where T : unmanaged => typeof(T) == typeof(double) ? Unsafe.BitCast<double, T>(1) : Unsafe.BitCast<float, T>(1);

    private struct Job
    {
        internal long Turns;
        internal int Pieces,
            Taken,
            Threads;

        /// <summary>Turns of the next piece; 0 when all are taken.</summary>
        internal long Take() => Interlocked.Increment(ref Taken) <= Pieces ? Turns : 0;

        /// <summary>Counts a thread whose sums were used, so that they must be computed.</summary>
        internal void Finish(bool isUsed)
        {
            if (isUsed)
            {
                Interlocked.Increment(ref Threads);
            }
        }
    }
}

/// <summary>The peak as something to be timed.</summary>
/// <param name="Call">Some bursts.</param>
/// <param name="FlopCount">Floating-point operations of them together.</param>
internal readonly record struct FmaTurn(TimedCall Call, double FlopCount)
{
    /// <summary>A median of fewer turns is left to chance: single ones were 7 times too slow, when another process had a core.</summary>
    private const int LeastTurns = 7;

    /// <summary>10⁹ floating-point operations per second, median and best, after further turns where there were few.</summary>
    /// <param name="samples">Seconds of the turns so far.</param>
    internal (double Median, double Best) Gflops(double[] samples)
    {
        List<double> seconds = [.. samples];
        while (seconds.Count < LeastTurns)
        {
            long start = Stopwatch.GetTimestamp();
            Call.Call();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return (FlopCount / InterleavedTimer.Median([.. seconds]) / 1e9, FlopCount / seconds.Min() / 1e9);
    }
}
