using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Kernels.Planning;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>Modifies a block of raw scores before the softmax: scale, softcap, ALiBi, mask, and the bounds of causal and windowed
/// attention. Forward, backward and decoding share it, so that they cannot differ.</summary>
/// <typeparam name="TLanes">The instruction set.</typeparam>
/// <typeparam name="TVector">Its vector.</typeparam>
/// <typeparam name="T">float or double.</typeparam>
internal static unsafe class ScoreModifier<TLanes, TVector, T>
    where TLanes : ILanes<TVector, T>
    where TVector : struct
    where T : unmanaged
{
    /// <summary>From this size on, tanh by exponentials is exact enough in float.</summary>
    private const double SmallTanh = 0.625;

    /// <summary>Whether the scores of a block of keys have to be modified.</summary>
    internal static bool IsNeeded(in ScorePlan plan, in FlashBlock<T> block, int firstKey, int count) =>
        plan.Modifies || IsCut(plan, block, firstKey, count);

    /// <summary>Scale, softcap, ALiBi and mask in this order, then -∞ where a key is hidden; keeps each lane's maximum.</summary>
    /// <param name="context">The call.</param>
    /// <param name="block">The queries.</param>
    /// <param name="scores">(count, lanes) raw scores, replaced.</param>
    /// <param name="batch">Sequence.</param>
    /// <param name="firstKey">Index of the first key.</param>
    /// <param name="count">Keys.</param>
    /// <param name="scratch">Room for a mask.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Modify(
        FlashContext* context,
        in FlashBlock<T> block,
        T* scores,
        int batch,
        int firstKey,
        int count,
        in FlashScratch<T> scratch
    )
    {
        ref readonly FlashCall call = ref context->Call;
        int lanes = block.Vectors * TLanes.Count;
        T* bias = null;
        if (call.Mask.Address != 0)
        {
            ReadMask(call.Mask, block, batch, firstKey, count, scratch);
            bias = scratch.Bias;
        }
        bool isCut = IsCut(context->Scores, block, firstKey, count);
        double cap = call.Problem.Softcap;
        TVector scale = Constant(call.Problem.EffectiveScale),
            hidden = Constant(double.NegativeInfinity);
        TVector capacity = Constant(cap),
            perCapacity = Constant(cap > 0 ? 1 / cap : 0);
        T* first = scratch.LaneNumbers,
            last = first + lanes,
            diagonal = last + lanes,
            slope = diagonal + lanes;
        FillLaneNumbers(call, block, batch, firstKey, count, first, last, diagonal, slope);
        for (int v = 0; v < lanes; v += TLanes.Count)
        {
            TVector maximum = TLanes.Load(block.Maximum + v),
                lower = TLanes.Load(first + v),
                upper = TLanes.Load(last + v);
            TVector own = TLanes.Load(diagonal + v),
                steepness = TLanes.Load(slope + v);
            for (int j = 0; j < count; j++)
            {
                T* place = scores + j * lanes + v;
                TVector score = TLanes.Load(place),
                    key = Constant(j);
                if (context->Scores.Modifies)
                {
                    score = TLanes.Multiply(score, scale);
                    if (cap > 0)
                    {
                        TVector part = Tanh(TLanes.Multiply(score, perCapacity));
                        score = TLanes.Multiply(part, capacity);
                        if (scratch.SoftcapSlopes is not null)
                        {
                            // d(c tanh(s/c)) / ds = 1 - tanh², for the backward pass
                            TLanes.Store(TLanes.Subtract(Constant(1), TLanes.Multiply(part, part)), scratch.SoftcapSlopes + j * lanes + v);
                        }
                    }
                    if (call.AlibiSlopes is not null)
                    {
                        score = TLanes.Subtract(score, TLanes.Multiply(steepness, TLanes.Abs(TLanes.Subtract(key, own))));
                    }
                    if (bias is not null)
                    {
                        TVector added = TLanes.Load(bias + j * lanes + v);
                        // A hidden key stays hidden whatever its score is, NaN and infinity included.
                        score = TLanes.Select(TLanes.EqualTo(added, hidden), hidden, TLanes.Add(score, added));
                    }
                }
                if (isCut)
                {
                    score = TLanes.Select(TLanes.LessThan(key, lower), hidden, score);
                    score = TLanes.Select(TLanes.LessThan(upper, key), hidden, score);
                }
                TLanes.Store(score, place);
                maximum = TLanes.Max(maximum, score);
            }
            TLanes.Store(maximum, block.Maximum + v);
        }
    }

    /// <summary>Whether bounds hide some of these keys from some queries.</summary>
    private static bool IsCut(in ScorePlan plan, in FlashBlock<T> block, int firstKey, int count) =>
        plan.HasBounds && (block.MinLastKey < firstKey + count - 1 || block.MaxFirstKey > firstKey);

    private static TVector Constant(double value) => Exponential.Constant<TLanes, TVector, T>(value);

    /// <summary>Per lane, counted from the block's first key: first and last visible key, key on the diagonal; and the ALiBi
    /// slope.</summary>
    private static void FillLaneNumbers(
        in FlashCall call,
        in FlashBlock<T> block,
        int batch,
        int firstKey,
        int count,
        T* first,
        T* last,
        T* diagonal,
        T* slope
    )
    {
        int lanes = block.Vectors * TLanes.Count;
        for (int i = 0; i < lanes; i++)
        {
            first[i] = Exponential.Number<T>(Math.Clamp(block.FirstKey[i] - firstKey, 0, count));
            last[i] = Exponential.Number<T>(Math.Clamp(block.LastKey[i] - firstKey, -1, count));
            diagonal[i] = Exponential.Number<T>(block.Diagonal[i] - firstKey);
            slope[i] = call.AlibiSlopes is null
                ? default
                : Exponential.Number<T>(call.AlibiSlopes[(nint)batch * call.AlibiBatchStride + block.Head[i]]);
        }
    }

    /// <summary>The mask's part for the block as numbers to add, (count, lanes).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ReadMask(in FlashMask mask, in FlashBlock<T> block, int batch, int firstKey, int count, in FlashScratch<T> scratch)
    {
        int lanes = block.Vectors * TLanes.Count;
        T** rows = scratch.MaskRows;
        nint last = -1;
        for (int i = 0; i < lanes; i++)
        {
            nint offset = batch * mask.BatchStride + block.Head[i] * mask.HeadStride + block.Position[i] * mask.RowStride;
            if (i > 0 && offset == last)
            {
                rows[i] = rows[i - 1]; // a broadcast mask, or a lane that repeats the last query
                continue;
            }
            rows[i] = scratch.MaskStage + i * FlashTuning.LargestKeyBlock;
            Widen(mask, offset + firstKey * mask.ColumnStride, rows[i], count);
            last = offset;
        }
        Transposition.ToLanes<TLanes, TVector, T>(rows, count, scratch.Bias, block.Vectors);
    }

    /// <summary>Part of a mask's row as numbers to add.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Widen(in FlashMask mask, nint offset, T* destination, int count)
    {
        if (mask.Kind == AttentionMaskKind.Boolean)
        {
            T seen = default,
                hidden = Exponential.Number<T>(double.NegativeInfinity);
            byte* flags = (byte*)mask.Address + offset;
            for (int j = 0; j < count; j++)
            {
                destination[j] = flags[j * mask.ColumnStride] != 0 ? seen : hidden;
            }
            return;
        }
        void* source = (byte*)mask.Address + offset * mask.DType.Size();
        bool isDouble = mask.DType == AttentionDType.Float64;
        if (isDouble == (typeof(T) == typeof(double)))
        {
            RowConversion.Read(source, mask.DType, mask.ColumnStride, destination, count);
            return;
        }
        // A float64 mask for float operands, or a narrower one for float64 operands.
        for (int j = 0; j < count; j++)
        {
            double value;
            if (isDouble)
            {
                value = ((double*)source)[j * mask.ColumnStride];
            }
            else
            {
                float single;
                RowConversion.Read((byte*)source + j * mask.ColumnStride * mask.DType.Size(), mask.DType, 1, &single, 1);
                value = single;
            }
            // A finite number beyond float's stays finite: only -∞ hides.
            destination[j] = Exponential.Number<T>(
                double.IsFinite(value) && isDouble ? Math.Clamp(value, -float.MaxValue, float.MaxValue) : value
            );
        }
    }

    /// <summary>tanh x = (1 - e^-2|x|) / (1 + e^-2|x|) with x's sign. In float that loses digits near 0: there x + x³ · (polynomial in x²),
    /// coefficients of Cephes' tanhf (|x| &lt; 0.625).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Tanh(TVector x)
    {
        TVector size = TLanes.Abs(x),
            one = Constant(1);
        TVector decay = Exponential.PowerOfTwo<TLanes, TVector, T>(
            TLanes.Subtract(default, size),
            Constant(2 * Exponential.Log2E),
            Exponential.Least<TLanes, TVector, T>(2 * Exponential.Log2E, headroom: 0),
            Exponential.Round<TLanes, TVector, T>(headroom: 0)
        );
        TVector result = TLanes.Divide(TLanes.Subtract(one, decay), TLanes.Add(one, decay));
        if (typeof(T) == typeof(float))
        {
            TVector square = TLanes.Multiply(x, x);
            TVector p = Constant(-5.70498872745e-3);
            p = TLanes.MultiplyAdd(p, square, Constant(2.06390887954e-2));
            p = TLanes.MultiplyAdd(p, square, Constant(-5.37397155531e-2));
            p = TLanes.MultiplyAdd(p, square, Constant(1.33314422036e-1));
            p = TLanes.MultiplyAdd(p, square, Constant(-3.33332819422e-1));
            TVector small = TLanes.MultiplyAdd(TLanes.Multiply(p, square), size, size);
            result = TLanes.Select(TLanes.LessThan(size, Constant(SmallTanh)), small, result);
        }
        return TLanes.WithSignOf(result, x);
    }
}
