using System.Numerics.Tensors;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>A case with its memory. What is no element of an input is NaN, so that whoever reads it is found out.</summary>
internal sealed class FlashRun<T>
    where T : unmanaged
{
    private const double OutputFilling = -77;
    private readonly FlashCase _case;
    private readonly int[] _queryStarts = [];
    private readonly int[] _keyStarts = [];
    private readonly int[] _keyLengths = [];
    private readonly int[] _pageTable = [];
    private readonly int _pages;
    private readonly float[] _slopes = [];
    private readonly bool[] _mask = [];
    private readonly int[] _maskLengths = [];

    public FlashRun(FlashCase drawn)
    {
        _case = drawn;
        var random = new Random(drawn.Seed + 1);
        T nan = Numbers<T>.Of(double.NaN);
        int batch = drawn.Batch,
            kvHeads = drawn.KvHeads,
            keys = drawn.Keys,
            queries = drawn.Queries;
        bool packsQueries =
            drawn.Sequences is SequenceLengths.Packed or SequenceLengths.PackedQueries or SequenceLengths.PagedPackedQueries;
        bool isPaged = drawn.Sequences is SequenceLengths.Paged or SequenceLengths.PagedPackedQueries;
        if (packsQueries)
        {
            _queryStarts = Starts(queries);
        }
        if (drawn.Sequences == SequenceLengths.Packed)
        {
            _keyStarts = Starts(keys);
        }
        if (
            drawn.Sequences == SequenceLengths.KeysInUse
            || (isPaged || drawn.Sequences == SequenceLengths.PackedQueries) && random.Next(3) > 0
        )
        {
            _keyLengths = [.. Enumerable.Range(0, batch).Select(_ => random.Next(keys + 1))];
        }
        int[] key = [batch, kvHeads, keys, drawn.HeadDim];
        if (_keyStarts.Length > 0)
        {
            key = [1, kvHeads, _keyStarts[^1] + random.Next(3), drawn.HeadDim];
        }
        else if (isPaged)
        {
            _pages = (keys + drawn.PageSize - 1) / drawn.PageSize;
            keys = _pages * drawn.PageSize;
            int all = batch * _pages + random.Next(3);
            int[] numbers = [.. Enumerable.Range(0, all)];
            random.Shuffle(numbers);
            _pageTable = numbers[..(batch * _pages)];
            key = [all, kvHeads, drawn.PageSize, drawn.HeadDim];
            for (int b = 0; b < _keyLengths.Length; b++)
            {
                for (int p = (_keyLengths[b] + drawn.PageSize - 1) / drawn.PageSize; p < _pages; p++)
                {
                    _pageTable[b * _pages + p] = random.Next(2) == 0 ? -1 : int.MaxValue;
                }
            }
        }
        KeyLength = _keyStarts.Length > 0 ? Longest(_keyStarts) : keys;
        QueryLength = packsQueries ? Longest(_queryStarts) : queries;
        int[] query = packsQueries
            ? [1, drawn.Heads, _queryStarts[^1] + random.Next(3), drawn.HeadDim]
            : [batch, drawn.Heads, queries, drawn.HeadDim];
        var sizes = drawn.IsOfAnySize ? new NumbersOfAnySize<T>(random, mayOverflow: !drawn.HasGradients) : null;
        Query = new StridedTensor<T>(query, drawn.QueryLayout, nan).Fill(
            sizes is null ? () => drawn.Amplitude * Even(random) : sizes.QueryElement
        );
        Key = new StridedTensor<T>(key, drawn.KeyLayout, nan).Fill(sizes is null ? () => drawn.Amplitude * Even(random) : sizes.KeyElement);
        Value = new StridedTensor<T>([.. key[..3], drawn.ValueDim], drawn.ValueLayout, nan).Fill(
            sizes is null ? () => Even(random) : sizes.ValueElement
        );
        sizes?.RepeatRows(Key);
        Output = new StridedTensor<T>([.. query[..3], drawn.ValueDim], drawn.OutputLayout, Numbers<T>.Of(OutputFilling));
        LogSumExp = new double[packsQueries ? drawn.Heads * _queryStarts[^1] : batch * drawn.Heads * queries];
        if (drawn.Alibi > 0)
        {
            _slopes = [.. Enumerable.Range(0, (drawn.Alibi == 2 ? batch : 1) * drawn.Heads).Select(_ => random.NextSingle())];
        }
        if (drawn.Mask != AttentionMaskKind.None)
        {
            int[] full = [batch, drawn.Heads, QueryLength, KeyLength];
            _maskLengths = [.. full.Select((length, i) => (drawn.MaskBroadcast >> i & 1) != 0 ? 1 : length)];
            int hiddenRow = random.Next(2) == 0 ? random.Next(_maskLengths[2] + 1) : -1;
            Bias = new StridedTensor<T>(_maskLengths, drawn.MaskLayout, nan);
            Bias.Fill(() =>
                random.NextDouble() >= drawn.MaskDensity ? double.NegativeInfinity
                : sizes is not null ? sizes.MaskElement()
                : random.Next(40) == 0 ? 1000
                : 2 * Even(random)
            );
            sizes?.FillRows(Bias);
            for (int b = 0; b < _maskLengths[0] && hiddenRow >= 0 && hiddenRow < _maskLengths[2]; b++)
            {
                for (int h = 0; h < _maskLengths[1]; h++)
                {
                    for (int j = 0; j < _maskLengths[3]; j++)
                    {
                        Bias[b, h, hiddenRow, j] = Numbers<T>.Of(double.NegativeInfinity);
                    }
                }
            }
            if (drawn.Mask == AttentionMaskKind.Boolean)
            {
                _mask = [.. Bias.Memory.Select(added => !double.IsNegativeInfinity(Numbers<T>.ToDouble(added)))];
            }
        }

        int[] Starts(int longest)
        {
            int[] starts = new int[batch + 1];
            for (int b = 0; b < batch; b++)
            {
                starts[b + 1] = starts[b] + random.Next(longest + 1);
            }
            return starts;
        }

        static int Longest(int[] starts) =>
            Enumerable.Range(0, starts.Length - 1).Select(b => starts[b + 1] - starts[b]).DefaultIfEmpty(0).Max();
    }

    public StridedTensor<T> Query { get; }

    public StridedTensor<T> Key { get; }

    public StridedTensor<T> Value { get; }

    public StridedTensor<T> Output { get; }

    /// <summary>The mask as numbers to add; of a boolean one only -∞ counts, when the run is made.</summary>
    public StridedTensor<T>? Bias { get; }

    /// <summary>As the kernels wrote it.</summary>
    public double[] LogSumExp { get; }

    /// <summary>The kernels keep their weights so much smaller, for values near the type's largest number.</summary>
    private double HeadroomFactor => 4 * Math.Max(KeyLength, 1) / (1 - _case.Dropout);

    private ulong DropoutSeed => 0x9E3779B97F4A7C15 * (ulong)_case.Seed;

    /// <summary>Longest sequence's.</summary>
    public int QueryLength { get; }

    /// <summary>Longest sequence's, or the room for one.</summary>
    public int KeyLength { get; }

    /// <summary>Runs it and compares every element, and the memory between them.</summary>
    public void Check()
    {
        Run(_case.Threads);
        CheckResult();
    }

    /// <summary>Compares every element, and the memory between them.</summary>
    public void CheckResult()
    {
        CheckMemoryBetween();
        for (int b = 0; b < _case.Batch; b++)
        {
            for (int h = 0; h < _case.Heads; h++)
            {
                CheckHead(b, h, Head(b, h, Numbers<T>.ComputeSmallest * HeadroomFactor).Forward());
            }
        }
    }

    /// <summary>Runs it.</summary>
    /// <param name="threads">Threads.</param>
    public void Run(int? threads)
    {
        bool isDouble = typeof(T) == typeof(double);
        float[] single = isDouble ? [] : new float[LogSumExp.Length];
        bool wantsLogSumExp = _case.Seed % 4 != 3;
        Call(threads, wantsLogSumExp ? single : default, wantsLogSumExp && isDouble ? LogSumExp : default);
        for (int i = 0; i < single.Length; i++)
        {
            LogSumExp[i] = wantsLogSumExp ? single[i] : double.NaN;
        }
        if (!wantsLogSumExp)
        {
            LogSumExp.AsSpan().Fill(double.NaN);
        }
    }

    /// <summary>Bytes that one of several calls allocates on this thread.</summary>
    public long AllocatedBytes(int threads)
    {
        Call(threads, default, default);
        Call(threads, default, default);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            Call(threads, default, default);
        }
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>The oracle's problem of a sequence and head.</summary>
    public HeadAttention Head(int b, int h, double smallestWeight = 0)
    {
        int queries = QueriesOf(b),
            keys = KeysOf(b);
        var query = new double[queries, _case.HeadDim];
        var key = new double[keys, _case.HeadDim];
        var value = new double[keys, _case.ValueDim];
        for (int i = 0; i < queries; i++)
        {
            (int place, int row) = QueryPlace(b, i);
            for (int d = 0; d < _case.HeadDim; d++)
            {
                query[i, d] = Numbers<T>.ToDouble(Query[place, h, row, d]);
            }
        }
        for (int j = 0; j < keys; j++)
        {
            (int place, int row) = KeyPlace(b, j);
            for (int d = 0; d < _case.HeadDim; d++)
            {
                key[j, d] = Numbers<T>.ToDouble(Key[place, h / _case.Group, row, d]);
            }
            for (int d = 0; d < _case.ValueDim; d++)
            {
                value[j, d] = Numbers<T>.ToDouble(Value[place, h / _case.Group, row, d]);
            }
        }
        return new HeadAttention
        {
            Query = query,
            Key = key,
            Value = value,
            SmallestWeight = smallestWeight,
            Scale = _case.Scale ?? 1 / Math.Sqrt(_case.HeadDim),
            Softcap = _case.Softcap,
            Slope = _slopes.Length == 0 ? 0 : _slopes[(_case.Alibi == 2 ? b * _case.Heads : 0) + h],
            IsCausal = _case.IsCausal,
            DiagonalOffset = _case.Alignment == CausalAlignment.BottomRight ? keys - queries : 0,
            LeftWindow = _case.LeftWindow,
            RightWindow = _case.RightWindow,
            Bias = BiasOf(b, h, queries, keys),
            RoundScore = _case.IsOfAnySize ? Numbers<T>.RoundToCompute : null,
            Kept = _case.Dropout > 0 ? Philox.Kept(_case.Dropout, DropoutSeed, b * _case.Heads + h, queries, keys) : null,
        };
    }

    /// <summary>The case as the kernels' arguments.</summary>
    public FlashAttentionArguments<T> Arguments(int? threads, Span<float> logSumExp, Span<double> logSumExpDouble)
    {
        // Leading dimensions of 1 can be left out.
        int leading = 0;
        while (_case.Seed % 2 == 0 && leading < 3 && leading < _maskLengths.Length && _maskLengths[leading] == 1)
        {
            leading++;
        }
        bool isBoolean = _case.Mask == AttentionMaskKind.Boolean;
        return new FlashAttentionArguments<T>
        {
            Query = Query.ReadOnlySpan,
            Key = Key.ReadOnlySpan,
            Value = Value.ReadOnlySpan,
            Output = Output.Span,
            Mask = isBoolean ? MaskSpan(_mask, leading) : default,
            Bias = _case.Mask == AttentionMaskKind.Additive ? MaskSpan(Bias!.Memory, leading) : default,
            IsCausal = _case.IsCausal,
            CausalAlignment = _case.Alignment,
            LeftWindow = _case.LeftWindow,
            RightWindow = _case.RightWindow,
            Scale = _case.Scale,
            Softcap = _case.Softcap,
            AlibiSlopes = _slopes,
            QueryStarts = _queryStarts,
            KeyStarts = _keyStarts,
            KeyLengths = _keyLengths,
            PageTable = _case.Sequences is SequenceLengths.Paged or SequenceLengths.PagedPackedQueries
                ? new ReadOnlyTensorSpan<int>(_pageTable, [_case.Batch, _pages])
                : default,
            LogSumExp = logSumExp,
            LogSumExpDouble = logSumExpDouble,
            Dropout = _case.Dropout,
            DropoutSeed = DropoutSeed,
            Threads = threads,
        };
    }

    /// <summary>Queries of a sequence.</summary>
    public int QueriesOf(int b) => _queryStarts.Length > 0 ? _queryStarts[b + 1] - _queryStarts[b] : _case.Queries;

    /// <summary>Where a sequence's query lies: indices of the first and of the third dimension.</summary>
    public (int Batch, int Row) QueryPlace(int b, int i) => _queryStarts.Length > 0 ? (0, _queryStarts[b] + i) : (b, i);

    /// <summary>Keys of a sequence that there is room for, in use or not.</summary>
    public int KeyRoomOf(int b) => _keyStarts.Length > 0 ? _keyStarts[b + 1] - _keyStarts[b] : KeyLength;

    /// <summary>Where a sequence's key lies: indices of the first and of the third dimension.</summary>
    public (int Batch, int Row) KeyPlace(int b, int j) =>
        _keyStarts.Length > 0 ? (0, _keyStarts[b] + j)
        : _pages > 0 ? (_pageTable[b * _pages + j / _case.PageSize], j % _case.PageSize)
        : (b, j);

    private static double Even(Random random) => 2 * random.NextDouble() - 1;

    private void Call(int? threads, Span<float> logSumExp, Span<double> logSumExpDouble) =>
        FlashAttention.Forward(Arguments(threads, logSumExp, logSumExpDouble));

    private ReadOnlyTensorSpan<TMask> MaskSpan<TMask>(TMask[] memory, int leading) =>
        Bias!.IsEmpty
            ? new ReadOnlyTensorSpan<TMask>(memory, Bias.Lengths.AsSpan(leading))
            : new ReadOnlyTensorSpan<TMask>(memory, Bias.Place(0, 0, 0, 0), Bias.Lengths.AsSpan(leading), Bias.Strides.AsSpan(leading));

    private int KeysOf(int b) => _keyLengths.Length > 0 ? _keyLengths[b] : KeyRoomOf(b);

    private double[,]? BiasOf(int b, int h, int queries, int keys)
    {
        if (Bias is null)
        {
            return null;
        }
        var bias = new double[queries, keys];
        for (int i = 0; i < queries; i++)
        {
            for (int j = 0; j < keys; j++)
            {
                double added = Numbers<T>.ToDouble(
                    Bias[
                        Math.Min(b, _maskLengths[0] - 1),
                        Math.Min(h, _maskLengths[1] - 1),
                        Math.Min(i, _maskLengths[2] - 1),
                        Math.Min(j, _maskLengths[3] - 1)
                    ]
                );
                bias[i, j] = _case.Mask == AttentionMaskKind.Boolean && !double.IsNegativeInfinity(added) ? 0 : added;
            }
        }
        return bias;
    }

    private void CheckHead(int b, int h, HeadResult expected)
    {
        int queries = QueriesOf(b),
            wrong = 0;
        string? worst = null;

        // The roundings of a sum cancel, except where all its terms are equal because a tensor is broadcast: n of them then are n/2 off,
        // and of nearly equal weights some n/32.
        double sameTerms = ((_case.QueryLayout.Broadcast | _case.KeyLayout.Broadcast) & 8) != 0 ? _case.HeadDim / 2.0 : 0;
        double sameValues = ((_case.KeyLayout.Broadcast | _case.ValueLayout.Broadcast) & 4) != 0 ? KeyLength / 2.0 : KeyLength / 32.0;
        double worstExcess = 0,
            vanished = KeyLength * Numbers<T>.ComputeSmallest * HeadroomFactor; // where dropout leaves nothing but weights that are 0 in the type
        for (int i = 0; i < queries; i++)
        {
            // A weight's relative error: some roundings in the score, relative to its terms, and some in the exponential and the sums.
            double rounding = Numbers<T>.ComputeRounding * (10 + sameValues + (4 + sameTerms) * expected.ScoreSize[i]);
            (int place, int row) = QueryPlace(b, i);
            for (int d = 0; d < _case.ValueDim; d++)
            {
                double right = expected.Output[i, d],
                    found = Numbers<T>.ToDouble(Output[place, h, row, d]);
                Compare(
                    $"output of query {i}, element {d}",
                    found,
                    right,
                    expected.ValueSize[i] * rounding + vanished + Numbers<T>.OutputRounding(right)
                );
            }
            double logSumExp = LogSumExp[_queryStarts.Length > 0 ? h * _queryStarts[^1] + row : (b * _case.Heads + h) * _case.Queries + i];
            if (_case.Seed % 4 != 3)
            {
                double size = double.IsFinite(expected.LogSumExp[i]) ? Math.Abs(expected.LogSumExp[i]) : 0;
                Compare($"logsumexp of query {i}", logSumExp, expected.LogSumExp[i], rounding + 2 * Numbers<T>.ComputeRounding * size);
            }
        }
        if (worst is not null)
        {
            Assert.Fail($"{wrong} numbers of sequence {b}, head {h} are wrong; the worst: {worst}\n{_case}");
        }

        void Compare(string what, double found, double right, double tolerance)
        {
            if (Numbers<T>.AreClose(found, right, tolerance))
            {
                return;
            }
            wrong++;
            double excess = double.IsNaN(found) ? double.PositiveInfinity : Math.Abs(found - right) / tolerance;
            if (worst is null || excess > worstExcess)
            {
                (worst, worstExcess) = ($"{what}: expected {right:R}, found {found:R}, tolerance {tolerance:G3}", excess);
            }
        }
    }

    private void CheckMemoryBetween()
    {
        var elements = new bool[Output.Memory.Length];
        for (int b = 0; b < _case.Batch; b++)
        {
            for (int h = 0; h < _case.Heads; h++)
            {
                for (int i = 0; i < QueriesOf(b); i++)
                {
                    (int place, int row) = QueryPlace(b, i);
                    for (int d = 0; d < _case.ValueDim; d++)
                    {
                        elements[Output.Place(place, h, row, d)] = true;
                    }
                }
            }
        }
        for (int i = 0; i < elements.Length; i++)
        {
            if (!elements[i] && Numbers<T>.ToDouble(Output.Memory[i]) != OutputFilling)
            {
                Assert.Fail($"place {i} of the output belongs to no element and was written\n{_case}");
            }
        }
    }
}
