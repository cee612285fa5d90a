using System.Runtime.CompilerServices;
using LatentSync.Attention.Kernels.Blocks;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Memory;
using LatentSync.Attention.Kernels.Micro;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Decode;

/// <content>Scores of keys and sums of values.</content>
internal static unsafe partial class FlashDecode<TLanes, TVector, T>
{
    /// <summary>Rows that are converted together, and read from the first-level cache for all queries but the first.</summary>
    private const int Block = 32;

    /// <summary>Scores of a piece, (rows, Piece).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Score(
        in FlashCall call,
        in FlashSequence sequence,
        in DecodeMemory memory,
        int rows,
        int kvHead,
        int key,
        int count
    )
    {
        for (int done = 0; done < count; )
        {
            KeyRows keys = KeyRows.Of(call.Key, call.Problem.HeadDim, call, sequence, kvHead, key + done, key + count);
            KeyRows values = KeyRows.Of(call.Value, call.Problem.ValueDim, call, sequence, kvHead, key + done, key + count);
            ScoreRun(call.Problem.HeadDim, memory, rows, keys, values, memory.Scores + done);
            done += keys.Count;
        }
        for (int r = 0; r < rows; r++)
        {
            // The last vector may reach beyond the piece.
            new Span<T>(memory.Scores + r * Piece + count, Piece - count).Fill(Exponential.Number<T>(double.NegativeInfinity));
        }
    }

    /// <summary>Scores of keys equally far apart; their values are prefetched meanwhile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoreRun(int dim, in DecodeMemory memory, int rows, in KeyRows keys, in KeyRows values, T* place)
    {
        int width = Padded(dim),
            whole = dim / TLanes.Count * TLanes.Count,
            w = TLanes.Count;
        for (int first = 0; first < keys.Count; first += Block)
        {
            int count = Math.Min(Block, keys.Count - first);
            T* key = keys.Rows(first, count, memory.Stage, width, out nint step);
            for (int j = first; j < first + count; j++, key += step)
            {
                values.Prefetch(j);
                for (int r = 0; r < rows; r++)
                {
                    T* query = memory.Query + r * width;
                    TVector s0 = default,
                        s1 = default,
                        s2 = default,
                        s3 = default;
                    int d = 0;
                    for (; d + 4 * w <= whole; d += 4 * w)
                    {
                        s0 = TLanes.MultiplyAdd(TLanes.Load(query + d), TLanes.Load(key + d), s0);
                        s1 = TLanes.MultiplyAdd(TLanes.Load(query + d + w), TLanes.Load(key + d + w), s1);
                        s2 = TLanes.MultiplyAdd(TLanes.Load(query + d + 2 * w), TLanes.Load(key + d + 2 * w), s2);
                        s3 = TLanes.MultiplyAdd(TLanes.Load(query + d + 3 * w), TLanes.Load(key + d + 3 * w), s3);
                    }
                    for (; d < whole; d += w)
                    {
                        s0 = TLanes.MultiplyAdd(TLanes.Load(query + d), TLanes.Load(key + d), s0);
                    }
                    T sum = TLanes.Sum(TLanes.Add(TLanes.Add(s0, s1), TLanes.Add(s2, s3)));
                    // Elements that fill no vector: the key must not be read beyond its end.
                    place[r * Piece + j] = d == dim ? sum : Exponential.Number<T>(Exponential.ToDouble(sum) + Tail(query, key, d, dim));
                }
            }
        }
    }

    private static double Tail(T* query, T* key, int d, int dim)
    {
        double sum = 0;
        for (; d < dim; d++)
        {
            sum += Exponential.ToDouble(query[d]) * Exponential.ToDouble(key[d]);
        }
        return sum;
    }

    /// <summary>results += weights · values. The keys of the next piece are prefetched meanwhile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddValues(
        in FlashCall call,
        in FlashSequence sequence,
        in DecodeMemory memory,
        int rows,
        int kvHead,
        int key,
        int count,
        int endKey,
        T* results
    )
    {
        for (int done = 0; done < count; )
        {
            KeyRows values = KeyRows.Of(call.Value, call.Problem.ValueDim, call, sequence, kvHead, key + done, key + count);
            int following = key + count + done;
            KeyRows next = KeyRows.Of(
                call.Key,
                call.Problem.HeadDim,
                call,
                sequence,
                kvHead,
                following,
                Math.Min(endKey, following + values.Count)
            );
            AddRun(call.Problem.ValueDim, memory, rows, values, next, memory.Scores + done, results);
            done += values.Count;
        }
    }

    /// <summary>results += weights · values that lie equally far apart. Eight vectors of the result at a time stay in registers while the
    /// values are read from end to end: with the tiles' four, rows of eight vectors are read in two halves, a tenth slower (Zen
    /// 5).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddRun(int dim, in DecodeMemory memory, int rows, in KeyRows values, in KeyRows next, T* place, T* results)
    {
        int width = Padded(dim),
            whole = dim / TLanes.Count * TLanes.Count,
            eights = dim / (8 * TLanes.Count) * (8 * TLanes.Count);
        for (int first = 0; first < values.Count; first += Block, place += Block)
        {
            int count = Math.Min(Block, values.Count - first);
            T* value = values.Rows(first, count, memory.Stage, width, out nint step);
            for (int r = 0; r < rows; r++)
            {
                KeyRows prefetched = r == 0 ? next : default;
                for (int d = 0; d < eights; d += 8 * TLanes.Count, prefetched = default)
                {
                    Add8(place + r * Piece, count, value + d, step, results + r * width + d, prefetched, first);
                }
            }
            if (eights == dim)
            {
                continue; // nothing is left over
            }
            for (int j = first; eights == 0 && j < first + count; j++)
            {
                next.Prefetch(j);
            }
            ProductTile<TLanes, TVector, T>.AddWide(
                place,
                Piece,
                value + eights,
                step,
                count,
                results + eights,
                width,
                rows,
                whole - eights
            );
            for (int r = 0; r < rows; r++)
            {
                // Elements that fill no vector: the value must not be read beyond its end.
                for (int d = whole; d < dim; d++)
                {
                    T* result = results + r * width + d;
                    double sum = Exponential.ToDouble(*result);
                    for (int j = 0; j < count; j++)
                    {
                        sum += Exponential.ToDouble(place[r * Piece + j]) * Exponential.ToDouble(value[j * step + d]);
                    }
                    *result = Exponential.Number<T>(sum);
                }
            }
        }
    }

    /// <summary>The same without the terms of weight zero: their values may be anything, NaN included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddValuesSkippingZeros(
        in FlashCall call,
        in FlashSequence sequence,
        in DecodeMemory memory,
        int rows,
        int kvHead,
        int key,
        int count,
        T* results
    )
    {
        int dim = call.Problem.ValueDim,
            width = Padded(dim),
            whole = dim / TLanes.Count * TLanes.Count;
        for (int done = 0; done < count; )
        {
            KeyRows values = KeyRows.Of(call.Value, dim, call, sequence, kvHead, key + done, key + count);
            for (int j = 0; j < values.Count; j++)
            {
                T* value = values.Rows(j, 1, memory.Stage, width, out _);
                for (int r = 0; r < rows; r++)
                {
                    T weight = memory.Scores[r * Piece + done + j];
                    T* result = results + (nint)r * width;
                    double factor = Exponential.ToDouble(weight);
                    if (factor == 0)
                    {
                        continue;
                    }
                    TVector all = TLanes.Broadcast(weight);
                    for (int d = 0; d < whole; d += TLanes.Count)
                    {
                        TLanes.Store(TLanes.MultiplyAdd(all, TLanes.Load(value + d), TLanes.Load(result + d)), result + d);
                    }
                    for (int d = whole; d < dim; d++)
                    {
                        result[d] = Exponential.Number<T>(Exponential.ToDouble(result[d]) + factor * Exponential.ToDouble(value[d]));
                    }
                }
            }
            done += values.Count;
        }
    }

    /// <summary>Eight vectors of a query's result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add8(T* weights, int count, T* value, nint step, T* result, in KeyRows prefetched, int first)
    {
        int w = TLanes.Count;
        TVector o0 = TLanes.Load(result),
            o1 = TLanes.Load(result + w),
            o2 = TLanes.Load(result + 2 * w),
            o3 = TLanes.Load(result + 3 * w);
        TVector o4 = TLanes.Load(result + 4 * w),
            o5 = TLanes.Load(result + 5 * w),
            o6 = TLanes.Load(result + 6 * w),
            o7 = TLanes.Load(result + 7 * w);
        for (int j = 0; j < count; j++, value += step)
        {
            prefetched.Prefetch(first + j);
            TVector p = TLanes.Broadcast(weights[j]);
            o0 = TLanes.MultiplyAdd(p, TLanes.Load(value), o0);
            o1 = TLanes.MultiplyAdd(p, TLanes.Load(value + w), o1);
            o2 = TLanes.MultiplyAdd(p, TLanes.Load(value + 2 * w), o2);
            o3 = TLanes.MultiplyAdd(p, TLanes.Load(value + 3 * w), o3);
            o4 = TLanes.MultiplyAdd(p, TLanes.Load(value + 4 * w), o4);
            o5 = TLanes.MultiplyAdd(p, TLanes.Load(value + 5 * w), o5);
            o6 = TLanes.MultiplyAdd(p, TLanes.Load(value + 6 * w), o6);
            o7 = TLanes.MultiplyAdd(p, TLanes.Load(value + 7 * w), o7);
        }
        TLanes.Store(o0, result);
        TLanes.Store(o1, result + w);
        TLanes.Store(o2, result + 2 * w);
        TLanes.Store(o3, result + 3 * w);
        TLanes.Store(o4, result + 4 * w);
        TLanes.Store(o5, result + 5 * w);
        TLanes.Store(o6, result + 6 * w);
        TLanes.Store(o7, result + 7 * w);
    }

    /// <summary>Rows of consecutive keys, equally far apart in memory: all of a sequence's, or what is left of a page's.</summary>
    private readonly struct KeyRows
    {
        private readonly byte* _first;
        private readonly nint _step,
            _columnStride;
        private readonly int _dim,
            _prefetchedBytes;
        private readonly AttentionDType _dtype;
        private readonly bool _isPlain;

        private KeyRows(in FlashOperand operand, void* first, int count, int dim)
        {
            int size = operand.DType.Size();
            _first = (byte*)first;
            (Count, _step, _columnStride, _dim, _dtype) = (count, operand.RowStride * size, operand.ColumnStride, dim, operand.DType);
            _isPlain = size == sizeof(T) && operand.ColumnStride == 1;
            _prefetchedBytes = Prefetching.PaysForStreams && operand.ColumnStride == 1 ? dim * size : 0;
        }

        /// <summary>How many; 0 from the end on.</summary>
        internal int Count { get; }

        /// <summary>The rows from a key on, up to another at most.</summary>
        internal static KeyRows Of(
            in FlashOperand operand,
            int dim,
            in FlashCall call,
            in FlashSequence sequence,
            int kvHead,
            int key,
            int end
        )
        {
            if (key >= end)
            {
                return default;
            }
            (nint page, nint place) = sequence.Place(call, key);
            int count = call.PageTable is null ? end - key : Math.Min(end - key, call.PageSize - (int)place);
            return new KeyRows(operand, operand.Row(page, kvHead, place), count, dim);
        }

        /// <summary>Some of the rows: where they lie, or converted to another place.</summary>
        /// <param name="first">The first of them.</param>
        /// <param name="count">How many.</param>
        /// <param name="stage">The other place, (count, width).</param>
        /// <param name="width">Elements from row to row there.</param>
        /// <param name="step">Elements from row to row of the result.</param>
        internal T* Rows(int first, int count, T* stage, int width, out nint step)
        {
            byte* row = _first + first * _step;
            step = _isPlain ? _step / sizeof(T) : width;
            if (_isPlain)
            {
                return (T*)row;
            }
            for (int i = 0; i < count; i++, row += _step)
            {
                RowConversion.Read(row, _dtype, _columnStride, stage + (nint)i * width, _dim);
            }
            return stage;
        }

        /// <summary>Prefetches a row that is read in the next half of the work: values while keys are read, and the other way
        /// round.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal void Prefetch(int i)
        {
            if (i < Count)
            {
                byte* row = _first + i * _step,
                    end = row + _prefetchedBytes;
                for (; row < end; row += Prefetching.Line)
                {
                    Prefetching.ToSecondCache(row);
                }
            }
        }
    }
}
