namespace LatentSync.Attention.Tests.Kernels;

/// <summary>A case run forward and backward, with the memory of its gradients.</summary>
internal sealed class FlashGradientRun<T>
    where T : unmanaged
{
    private const double Filling = -77;

    /// <summary>Beyond this size the kernels do not make the weights of the logsumexp.</summary>
    private const double FewDigits = 64;

    private readonly FlashCase _case;
    private readonly float[] _logSumExp;
    private readonly double[] _logSumExpDouble;

    public FlashGradientRun(FlashCase drawn)
    {
        _case = drawn;
        Forward = new FlashRun<T>(drawn);
        var random = new Random(drawn.Seed + 2);
        bool isDense = drawn.QueryLayout == Layout.Dense && drawn.KeyLayout == Layout.Dense; // written by hand, not drawn
        OutputGradient = Tensor(Forward.Output.Lengths, drawn.OutputLayout, mayBroadcast: true, double.NaN)
            .Fill(() => 2 * random.NextDouble() - 1);
        Query = Tensor(Forward.Query.Lengths, drawn.QueryLayout, mayBroadcast: false, Filling);
        Key = Tensor(Forward.Key.Lengths, drawn.KeyLayout, mayBroadcast: false, Filling);
        Value = Tensor(Forward.Value.Lengths, drawn.ValueLayout, mayBroadcast: false, Filling);
        bool isDouble = typeof(T) == typeof(double);
        _logSumExp = isDouble ? [] : new float[Forward.LogSumExp.Length];
        _logSumExpDouble = isDouble ? new double[Forward.LogSumExp.Length] : [];
        ForwardAgain();

        // Half of the gradients lie as what they belong to, which is what allows small heads to be staged.
        StridedTensor<T> Tensor(nint[] lengths, Layout operand, bool mayBroadcast, double filling)
        {
            Layout layout = isDense || random.Next(2) == 0 ? operand with { Broadcast = 0 } : Layout.Draw(random, mayBroadcast);
            return new StridedTensor<T>([.. lengths.Select(length => (int)length)], layout, Numbers<T>.Of(filling));
        }
    }

    /// <summary>The forward pass.</summary>
    public FlashRun<T> Forward { get; }

    public StridedTensor<T> OutputGradient { get; }

    /// <summary>The query's gradient.</summary>
    public StridedTensor<T> Query { get; }

    /// <summary>The key's gradient.</summary>
    public StridedTensor<T> Key { get; }

    /// <summary>The value's gradient.</summary>
    public StridedTensor<T> Value { get; }

    /// <summary>Runs the forward pass, which a new run has done once.</summary>
    public void ForwardAgain() => FlashAttention.Forward(Forward.Arguments(_case.Threads, _logSumExp, _logSumExpDouble));

    /// <summary>Runs it and compares every element, and the memory between them.</summary>
    public void Check()
    {
        Run(_case.Threads);
        CheckResult();
    }

    /// <summary>Runs the backward pass.</summary>
    /// <param name="threads">Threads.</param>
    public void Run(int? threads) =>
        FlashAttention.Backward(
            Forward.Arguments(threads, _logSumExp, _logSumExpDouble),
            new FlashAttentionGradients<T>
            {
                OutputGradient = OutputGradient.ReadOnlySpan,
                QueryGradient = Query.Span,
                KeyGradient = Key.Span,
                ValueGradient = Value.Span,
            }
        );

    /// <summary>Bytes that ten calls allocate on this thread.</summary>
    public long AllocatedBytes(int threads)
    {
        Run(threads);
        Run(threads);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
        {
            Run(threads);
        }
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>All gradients one after the other, as bits would have them.</summary>
    public T[] All() => [.. Query.Memory, .. Key.Memory, .. Value.Memory];

    /// <summary>The oracle's gradients of a sequence and head.</summary>
    public HeadGradients Expected(int b, int h)
    {
        HeadAttention head = Forward.Head(b, h, Numbers<T>.ComputeSmallest);
        double[,] output = Rows(Forward.Output, b, h),
            outputGradient = Rows(OutputGradient, b, h);
        int longest = Math.Max(Forward.KeyLength, Forward.QueryLength * _case.Group);

        // As in the forward pass: roundings of a sum cancel but where its terms are equal. The weights have the logsumexp's error besides
        // their own, and its rounding, which is relative to its size.
        bool hasEqualRows =
            ((_case.QueryLayout.Broadcast | _case.KeyLayout.Broadcast | _case.ValueLayout.Broadcast) & 4) != 0
            || OutputGradient.Strides[2] == 0;
        bool hasEqualElements = (_case.ValueLayout.Broadcast & 8) != 0 || OutputGradient.Strides[3] == 0;
        double equalTerms = ((_case.QueryLayout.Broadcast | _case.KeyLayout.Broadcast) & 8) != 0 ? _case.HeadDim / 2.0 : 0;
        double sums = (hasEqualRows ? longest / 2.0 : longest / 32.0) + (hasEqualElements ? _case.ValueDim / 2.0 : _case.ValueDim / 32.0);
        return head.Gradient(
            outputGradient,
            output,
            (scoreSize, logSumExp) =>
                Numbers<T>.ComputeRounding * (20 + 2 * sums + 2 * (4 + equalTerms) * scoreSize + 4 * Math.Min(logSumExp, FewDigits))
        );
    }

    /// <summary>Compares every element, and the memory between them.</summary>
    public void CheckResult()
    {
        Comparison query = new(_case, "query", Query),
            key = new(_case, "key", Key),
            value = new(_case, "value", Value);
        for (int b = 0; b < _case.Batch; b++)
        {
            for (int h = 0; h < _case.Heads; h += _case.Group)
            {
                HeadGradients shared = Expected(b, h),
                    head = shared;
                for (int g = 0; g < _case.Group; g++)
                {
                    if (g > 0)
                    {
                        head = Expected(b, h + g);
                        shared.Add(head);
                    }
                    for (int i = 0; i < Forward.QueriesOf(b); i++)
                    {
                        query.Row(Forward.QueryPlace(b, i), h + g, head.Query, head.QueryError, i);
                    }
                }
                for (int j = 0; j < Forward.KeyRoomOf(b); j++)
                {
                    key.Row(Forward.KeyPlace(b, j), h / _case.Group, shared.Key, shared.KeyError, j);
                    value.Row(Forward.KeyPlace(b, j), h / _case.Group, shared.Value, shared.ValueError, j);
                }
            }
        }
        query.Finish();
        key.Finish();
        value.Finish();
    }

    private double[,] Rows(StridedTensor<T> tensor, int b, int h)
    {
        var rows = new double[Forward.QueriesOf(b), (int)tensor.Lengths[3]];
        for (int i = 0; i < rows.GetLength(0); i++)
        {
            (int place, int row) = Forward.QueryPlace(b, i);
            for (int d = 0; d < rows.GetLength(1); d++)
            {
                rows[i, d] = Numbers<T>.ToDouble(tensor[place, h, row, d]);
            }
        }
        return rows;
    }

    /// <summary>One gradient: which places were compared, and the worst of what was found.</summary>
    private sealed class Comparison(FlashCase drawn, string name, StridedTensor<T> tensor)
    {
        private readonly bool[] _compared = new bool[tensor.Memory.Length];
        private string? _worst;
        private double _worstExcess;
        private int _wrong;

        /// <summary>A row; those beyond the expected ones are keys not in use, and zero.</summary>
        public void Row((int Batch, int Row) place, int head, double[,] expected, double[,] errors, int row)
        {
            for (int d = 0; d < tensor.Lengths[3]; d++)
            {
                (double right, double error) = row < expected.GetLength(0) ? (expected[row, d], errors[row, d]) : default;
                double found = Numbers<T>.ToDouble(tensor[place.Batch, head, place.Row, d]),
                    tolerance = error + Numbers<T>.OutputRounding(right);
                _compared[tensor.Place(place.Batch, head, place.Row, d)] = true;
                if (Numbers<T>.AreClose(found, right, tolerance))
                {
                    continue;
                }
                _wrong++;
                double excess = double.IsNaN(found) ? double.PositiveInfinity : Math.Abs(found - right) / tolerance;
                if (_worst is null || excess > _worstExcess)
                {
                    _worst = $"({place.Batch}, {head}, {place.Row}, {d}): expected {right:R}, found {found:R}, tolerance {tolerance:G3}";
                    _worstExcess = excess;
                }
            }
        }

        public void Finish()
        {
            if (_worst is not null)
            {
                Assert.Fail($"{_wrong} numbers of the {name}'s gradient are wrong; the worst: {_worst}\n{drawn}");
            }
            for (int i = 0; i < _compared.Length; i++)
            {
                if (!_compared[i] && Numbers<T>.ToDouble(tensor.Memory[i]) != Filling)
                {
                    Assert.Fail($"place {i} of the {name}'s gradient belongs to no element and was written\n{drawn}");
                }
            }
        }
    }
}
