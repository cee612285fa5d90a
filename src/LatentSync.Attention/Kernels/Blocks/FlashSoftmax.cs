using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;

namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>Scores to weights, in place, with the queries in the lanes: online in the forward pass, from what is known of each row in the
/// backward pass.</summary>
/// <remarks>
/// A score is rounded as plain code rounds it, scale · Q Kᵀ and what <see cref="ScoreModifier{TLanes, TVector, T}"/> adds; then its
/// distance from the row's maximum is taken, and only that is multiplied by log₂e. So equal scores weigh equally whatever their size, and
/// the heaviest key's weight is exactly 2^-headroom.
/// </remarks>
/// <typeparam name="TLanes">The instruction set.</typeparam>
/// <typeparam name="TVector">Its vector.</typeparam>
/// <typeparam name="T">float or double.</typeparam>
internal static unsafe class FlashSoftmax<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>Whether scores are multiplied by a scale first; a constant for the compiler.</summary>
    private interface IScaling
    {
        static abstract bool Scales { get; }
    }

    /// <summary>The online softmax's step: a block's scores become weights, P = 2^(c · (scale · S - m) - headroom), and are added to the
    /// sums.</summary>
    /// <param name="plan">What is done to scores.</param>
    /// <param name="block">The queries; their maxima include the block's scores already, the sums do not.</param>
    /// <param name="before">Per lane: the maximum without the block's scores.</param>
    /// <param name="scores">(count, lanes).</param>
    /// <param name="count">Keys.</param>
    /// <param name="rescale">Per lane, written: the factor on earlier sums, 1 unless the maximum has grown, 0 where there were
    /// none.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Update(in ScorePlan plan, in FlashBlock<T> block, T* before, T* scores, int count, T* rescale)
    {
        int lanes = block.Vectors * TLanes.Count;
        T* shift = stackalloc T[lanes];
        TVector scale = Constant(plan.ScoreScale),
            factor = Constant(plan.ExponentFactor);
        TVector least = Exponential.Least<TLanes, TVector, T>(plan.ExponentFactor, headroom: 0),
            round = Exponential.Round<TLanes, TVector, T>(headroom: 0);
        TVector hidden = Constant(double.NegativeInfinity),
            zero = default;
        for (int v = 0; v < lanes; v += TLanes.Count)
        {
            TVector maximum = TLanes.Multiply(TLanes.Load(block.Maximum + v), scale),
                old = TLanes.Multiply(TLanes.Load(before + v), scale);
            maximum = TLanes.Select(TLanes.EqualTo(maximum, hidden), zero, maximum); // a lane that has seen no key yet
            TVector alpha = Exponential.PowerOfTwo<TLanes, TVector, T>(TLanes.Subtract(old, maximum), factor, least, round);
            TLanes.Store(maximum, shift + v);
            TLanes.Store(alpha, rescale + v);
            TLanes.Store(TLanes.Multiply(TLanes.Load(block.Sum + v), alpha), block.Sum + v);
        }
        ToWeights(plan, plan.Headroom, scores, count, block.Vectors, shift, block.Sum);
    }

    /// <summary>A score times the scale, rounded as it is in the lanes.</summary>
    internal static double Scaled(in ScorePlan plan, double score) => Exponential.ToDouble(Exponential.Number<T>(score * plan.ScoreScale));

    /// <summary>Scores become weights, P = 2^(c · (scale · S - shift) - headroom).</summary>
    /// <param name="plan">What is done to scores: c and scale.</param>
    /// <param name="headroom">The headroom.</param>
    /// <param name="scores">(count, lanes).</param>
    /// <param name="count">Keys.</param>
    /// <param name="vectors">Vectors of lanes.</param>
    /// <param name="shift">Per lane.</param>
    /// <param name="sums">Per lane, added to: each block's weights are summed on their own first, which rounds less. Null when not
    /// wanted.</param>
    internal static void ToWeights(in ScorePlan plan, int headroom, T* scores, int count, int vectors, T* shift, T* sums)
    {
        if (plan.ScoreScale == 1)
        {
            ToWeights<WithoutScale>(plan, headroom, scores, count, vectors, shift, sums);
        }
        else
        {
            ToWeights<WithScale>(plan, headroom, scores, count, vectors, shift, sums);
        }
    }

    /// <summary>Two vectors at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ToWeights<TScaling>(in ScorePlan plan, int headroom, T* scores, int count, int vectors, T* shift, T* sums)
        where TScaling : struct, IScaling
    {
        TVector scale = Constant(plan.ScoreScale),
            factor = Constant(plan.ExponentFactor);
        TVector least = Exponential.Least<TLanes, TVector, T>(plan.ExponentFactor, headroom),
            round = Exponential.Round<TLanes, TVector, T>(headroom);
        nint w = TLanes.Count,
            lanes = vectors * w;
        for (; vectors >= 2; vectors -= 2, scores += 2 * w, shift += 2 * w)
        {
            TVector h0 = TLanes.Load(shift),
                h1 = TLanes.Load(shift + w),
                l0 = default,
                l1 = default;
            T* place = scores;
            for (int j = 0; j < count; j++, place += lanes)
            {
                l0 = TLanes.Add(l0, ToWeight<TScaling>(place, scale, h0, factor, least, round));
                l1 = TLanes.Add(l1, ToWeight<TScaling>(place + w, scale, h1, factor, least, round));
            }
            if (sums is not null)
            {
                TLanes.Store(TLanes.Add(TLanes.Load(sums), l0), sums);
                TLanes.Store(TLanes.Add(TLanes.Load(sums + w), l1), sums + w);
                sums += 2 * w;
            }
        }
        if (vectors == 1)
        {
            TVector h0 = TLanes.Load(shift),
                l0 = default;
            for (int j = 0; j < count; j++, scores += lanes)
            {
                l0 = TLanes.Add(l0, ToWeight<TScaling>(scores, scale, h0, factor, least, round));
            }
            if (sums is not null)
            {
                TLanes.Store(TLanes.Add(TLanes.Load(sums), l0), sums);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector ToWeight<TScaling>(T* place, TVector scale, TVector shift, TVector factor, TVector least, TVector round)
        where TScaling : struct, IScaling
    {
        TVector score = TScaling.Scales ? TLanes.Multiply(TLanes.Load(place), scale) : TLanes.Load(place);
        TVector weight = Exponential.PowerOfTwo<TLanes, TVector, T>(TLanes.Subtract(score, shift), factor, least, round);
        TLanes.Store(weight, place);
        return weight;
    }

    private static TVector Constant(double value) => Exponential.Constant<TLanes, TVector, T>(value);

    private readonly struct WithScale : IScaling
    {
        public static bool Scales => true;
    }

    private readonly struct WithoutScale : IScaling
    {
        public static bool Scales => false;
    }
}
