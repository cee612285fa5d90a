using System.Diagnostics.CodeAnalysis;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Kernels.Calls;

/// <summary>Turns public arguments into a call of the kernels, or says what is wrong with them. The kernels themselves check
/// nothing.</summary>
/// <remarks>The constructors of <see cref="TensorSpan{T}"/> guarantee that all elements lie in its memory. Here it is checked that the
/// tensors fit each other, and every number that the kernels use as an index.</remarks>
internal static partial class ArgumentChecks
{
    /// <summary>Queries of a key head's group that the kernels can count.</summary>
    private const long MostRows = 1 << 30;

    private const string Subject = "FlashAttention cannot compute this";

    /// <summary>Checks the arguments of the forward pass.</summary>
    /// <returns>The call without its addresses.</returns>
    /// <exception cref="ArgumentException">The arguments do not fit each other.</exception>
    /// <exception cref="NotSupportedException">The kernels do not know the type.</exception>
    internal static FlashCall CallOf<T>(in FlashAttentionArguments<T> arguments)
        where T : unmanaged
    {
        AttentionDType dtype = DTypeOf<T>();
        ReadOnlySpan<nint> query = arguments.Query.Lengths,
            key = arguments.Key.Lengths,
            value = arguments.Value.Lengths;
        ReadOnlySpan<nint> output = arguments.Output.Lengths;
        CheckRank(query, nameof(arguments.Query));
        CheckRank(key, nameof(arguments.Key));
        CheckRank(value, nameof(arguments.Value));
        CheckRank(output, nameof(arguments.Output));
        bool isPaged = arguments.PageTable.Rank > 0;
        int batch = arguments.QueryStarts.IsEmpty ? (int)query[0] : arguments.QueryStarts.Length - 1;
        AttentionProblem problem = new()
        {
            Batch = batch,
            HeadCount = (int)query[1],
            KvHeadCount = (int)key[1],
            QueryLength = QueryLength(arguments),
            KeyLength = isPaged ? PagedLength(arguments, batch) : KeyLength(arguments, batch),
            HeadDim = (int)query[3],
            ValueDim = (int)value[3],
            DType = dtype,
            IsCausal = arguments.IsCausal,
            CausalAlignment = arguments.CausalAlignment,
            LeftWindow = arguments.LeftWindow,
            RightWindow = arguments.RightWindow,
            Softcap = arguments.Softcap,
            Dropout = arguments.Dropout,
            Scale = arguments.Scale,
            NeedsLogSumExp = !arguments.LogSumExp.IsEmpty || !arguments.LogSumExpDouble.IsEmpty,
        };
        Require(key[3] == query[3], $"key {key}, query {query}", "the same number of elements per vector", nameof(arguments.Key));
        Require(
            value[..3].SequenceEqual(key[..3]),
            $"value {value}, key {key}",
            "the same sizes but for the last",
            nameof(arguments.Value)
        );
        Require(
            output[..3].SequenceEqual(query[..3]) && output[3] == value[3],
            $"output {output}",
            $"({query[0]}, {query[1]}, {query[2]}, {value[3]})",
            nameof(arguments.Output)
        );
        problem.Validate();
        Require(
            problem.HeadCount / problem.KvHeadCount * (long)problem.QueryLength <= MostRows,
            $"{problem.QueryLength} queries, {problem.HeadCount / problem.KvHeadCount} heads per key head",
            $"at most {MostRows} of both",
            nameof(arguments.Query)
        );
        CheckOptions(arguments, problem);
        var call = new FlashCall
        {
            Problem = problem,
            Query = OperandOf(query, arguments.Query.Strides, dtype),
            Key = OperandOf(key, arguments.Key.Strides, dtype),
            Value = OperandOf(value, arguments.Value.Strides, dtype),
            Output = OperandOf(output, arguments.Output.Strides, dtype),
            AlibiBatchStride = arguments.AlibiSlopes.Length == problem.HeadCount ? 0 : problem.HeadCount,
            DropoutSeed = arguments.DropoutSeed,
        };
        if (isPaged)
        {
            (call.PagesPerSequence, call.PageSize) = ((int)arguments.PageTable.Lengths[1], (int)key[2]);
        }
        SetMask(arguments, ref call);
        return call;
    }

    private static AttentionDType DTypeOf<T>()
    {
        if (typeof(T) == typeof(float))
        {
            return AttentionDType.Float32;
        }
        if (typeof(T) == typeof(double))
        {
            return AttentionDType.Float64;
        }
        if (typeof(T) == typeof(Half))
        {
            return AttentionDType.Float16;
        }
        return typeof(T) == typeof(BFloat16)
            ? AttentionDType.BFloat16
            : throw new NotSupportedException(
                $"FlashAttention does not compute with {typeof(T)}; it does with float, double, Half and BFloat16."
            );
    }

    private static void CheckRank(ReadOnlySpan<nint> lengths, string name)
    {
        Require(lengths.Length == 4, $"{lengths.Length} dimensions", "4: (B, H, L, D)", name);
        foreach (nint length in lengths)
        {
            Require(length <= int.MaxValue, $"{lengths}", "no length beyond 2^31 - 1", name);
        }
    }

    private static int QueryLength<T>(in FlashAttentionArguments<T> arguments)
        where T : unmanaged
    {
        ReadOnlySpan<nint> query = arguments.Query.Lengths;
        return arguments.QueryStarts.IsEmpty
            ? (int)query[2]
            : LongestPacked(arguments.QueryStarts, query, nameof(arguments.Query), nameof(arguments.QueryStarts));
    }

    private static int KeyLength<T>(in FlashAttentionArguments<T> arguments, int batch)
        where T : unmanaged
    {
        ReadOnlySpan<nint> key = arguments.Key.Lengths;
        int length = (int)key[2];
        if (!arguments.KeyStarts.IsEmpty)
        {
            Require(
                arguments.KeyStarts.Length == batch + 1,
                $"{arguments.KeyStarts.Length} numbers",
                $"{batch + 1}, one more than sequences",
                nameof(arguments.KeyStarts)
            );
            length = LongestPacked(arguments.KeyStarts, key, nameof(arguments.Key), nameof(arguments.KeyStarts));
        }
        else
        {
            Require(key[0] == batch, $"key {key}", $"as many sequences as queries have, {batch}", nameof(arguments.Key));
        }
        CheckKeyLengths(arguments.KeyLengths, batch, length);
        return length;
    }

    /// <summary>The longest of sequences that lie one after the other.</summary>
    private static int LongestPacked(ReadOnlySpan<int> starts, ReadOnlySpan<nint> lengths, string tensorName, string startsName)
    {
        Require(lengths[0] == 1, $"{lengths}", "1 in the first dimension where sequences are packed", tensorName);
        Require(starts[0] == 0, $"first start {starts[0]}", "0", startsName);
        int longest = 0;
        for (int i = 1; i < starts.Length; i++)
        {
            Require(
                starts[i] >= starts[i - 1],
                $"start {i} of {starts[i]} after {starts[i - 1]}",
                "no number smaller than the one before",
                startsName
            );
            longest = Math.Max(longest, starts[i] - starts[i - 1]);
        }
        Require(starts[^1] <= lengths[2], $"last start {starts[^1]}", $"at most {lengths[2]}, the rows of {tensorName}", startsName);
        return longest;
    }

    private static void CheckKeyLengths(ReadOnlySpan<int> lengths, int batch, int most)
    {
        const string Name = nameof(FlashAttentionArguments<>.KeyLengths);
        Require(lengths.IsEmpty || lengths.Length == batch, $"{lengths.Length} numbers", $"{batch}, one per sequence", Name);
        for (int i = 0; i < lengths.Length; i++)
        {
            Require(lengths[i] >= 0 && lengths[i] <= most, $"{lengths[i]} keys of sequence {i}", $"0 to {most}", Name);
        }
    }

    /// <summary>Keys that a sequence's pages hold; every page number that will be used is checked.</summary>
    private static int PagedLength<T>(in FlashAttentionArguments<T> arguments, int batch)
        where T : unmanaged
    {
        const string Name = nameof(arguments.PageTable);
        ReadOnlyTensorSpan<int> table = arguments.PageTable;
        ReadOnlySpan<nint> lengths = table.Lengths,
            key = arguments.Key.Lengths;
        Require(arguments.KeyStarts.IsEmpty, $"both", "pages or packed keys, not both", nameof(arguments.KeyStarts));
        Require(lengths.Length == 2 && lengths[0] == batch, $"{lengths}", $"({batch}, pages per sequence)", Name);
        Require(table.IsEmpty || table.IsDense, $"strides {table.Strides}", "numbers side by side", Name);
        Require(key[2] >= 1, $"key {key}", "pages of at least 1 key", nameof(arguments.Key));
        Require(
            (Int128)lengths[1] * key[2] <= int.MaxValue,
            $"{lengths[1]} pages of {key[2]} keys",
            "at most 2^31 - 1 keys of a sequence",
            Name
        );
        int pages = (int)lengths[1],
            pageSize = (int)key[2];
        CheckKeyLengths(arguments.KeyLengths, batch, pages * pageSize);
        if (table.IsEmpty)
        {
            return 0;
        }
        ref readonly int first = ref table.GetPinnableReference();
        for (int i = 0; i < batch; i++)
        {
            int used = arguments.KeyLengths.IsEmpty ? pages : (int)(((long)arguments.KeyLengths[i] + pageSize - 1) / pageSize);
            for (int p = 0; p < used; p++)
            {
                int page = Unsafe.Add(ref Unsafe.AsRef(in first), (nint)i * pages + p);
                Require(page >= 0 && page < key[0], $"page {page} at ({i}, {p})", $"0 to {key[0] - 1}", Name);
            }
        }
        return pages * pageSize;
    }

    private static void CheckOptions<T>(in FlashAttentionArguments<T> arguments, in AttentionProblem problem)
        where T : unmanaged
    {
        Require(
            arguments.CausalAlignment is CausalAlignment.TopLeft or CausalAlignment.BottomRight,
            $"{(int)arguments.CausalAlignment}",
            "TopLeft or BottomRight",
            nameof(arguments.CausalAlignment)
        );
        Require(arguments.Threads is null or >= 1, $"{arguments.Threads}", "at least 1", nameof(arguments.Threads));
        int slopes = arguments.AlibiSlopes.Length,
            heads = problem.HeadCount;
        Require(
            slopes == 0 || slopes == heads || slopes == (long)problem.Batch * heads,
            $"{slopes} slopes",
            $"H = {heads} or B · H = {(long)problem.Batch * heads}",
            nameof(arguments.AlibiSlopes)
        );
        foreach (float slope in arguments.AlibiSlopes)
        {
            Require(float.IsFinite(slope), $"slope {slope}", "finite numbers", nameof(arguments.AlibiSlopes));
        }
        bool isDouble = problem.DType == AttentionDType.Float64;
        Require(arguments.LogSumExp.IsEmpty || !isDouble, $"operands of double", "LogSumExpDouble", nameof(arguments.LogSumExp));
        Require(
            arguments.LogSumExpDouble.IsEmpty || isDouble,
            $"operands of {problem.DType.LongName()}",
            "LogSumExp",
            nameof(arguments.LogSumExpDouble)
        );
        long rows = Rows(arguments, problem);
        int given = arguments.LogSumExp.Length + arguments.LogSumExpDouble.Length;
        Require(given == 0 || given == rows, $"{given} numbers", $"{rows}, one per query and head", nameof(arguments.LogSumExp));
        CheckDistinct(arguments.Output.Lengths, arguments.Output.Strides, nameof(arguments.Output));
    }

    /// <summary>Queries of all heads and sequences: as many numbers has the logsumexp.</summary>
    private static long Rows<T>(in FlashAttentionArguments<T> arguments, in AttentionProblem problem)
        where T : unmanaged =>
        arguments.QueryStarts.IsEmpty
            ? (long)problem.Batch * problem.HeadCount * problem.QueryLength
            : (long)problem.HeadCount * arguments.QueryStarts[^1];

    /// <summary>Each element of a tensor that is written has its own place.</summary>
    private static void CheckDistinct(ReadOnlySpan<nint> lengths, ReadOnlySpan<nint> strides, string name)
    {
        for (int i = 0; i < lengths.Length; i++)
        {
            Require(
                lengths.Contains(0) || lengths[i] == 1 || strides[i] > 0,
                $"lengths {lengths}, strides {strides}",
                "no element in two places (stride 0)",
                name
            );
        }
    }

    private static FlashOperand OperandOf(ReadOnlySpan<nint> lengths, ReadOnlySpan<nint> strides, AttentionDType dtype)
    {
        // A dimension of one element has stride 0, but any stride is right: these let the kernels read rows as dense and heads as adjacent.
        nint column = lengths[3] == 1 ? 1 : strides[3];
        nint head = lengths[1] == 1 ? lengths[3] : strides[1];
        return new FlashOperand(0, dtype, strides[0], head, strides[2], column);
    }

    private static void SetMask<T>(in FlashAttentionArguments<T> arguments, ref FlashCall call)
        where T : unmanaged
    {
        bool isBoolean = arguments.Mask.Rank > 0,
            isAdditive = arguments.Bias.Rank > 0;
        Require(!isBoolean || !isAdditive, $"both", "a mask or a bias, not both", nameof(arguments.Bias));
        if (!isBoolean && !isAdditive)
        {
            return;
        }
        ReadOnlySpan<nint> lengths = isBoolean ? arguments.Mask.Lengths : arguments.Bias.Lengths;
        ReadOnlySpan<nint> strides = isBoolean ? arguments.Mask.Strides : arguments.Bias.Strides;
        ref readonly AttentionProblem problem = ref call.Problem;
        ReadOnlySpan<nint> full = [problem.Batch, problem.HeadCount, problem.QueryLength, problem.KeyLength];
        Span<nint> steps = stackalloc nint[4];
        string name = isBoolean ? nameof(arguments.Mask) : nameof(arguments.Bias);
        Require(lengths.Length <= full.Length, $"{lengths}", "at most 4 dimensions", name);
        for (int i = 0; i < lengths.Length; i++)
        {
            int place = full.Length - lengths.Length + i;
            Require(lengths[i] == 1 || lengths[i] == full[place], $"{lengths}", $"broadcastable to (B, H, Lq, Lk) = {full}", name);
            steps[place] = lengths[i] == 1 ? 0 : strides[i];
        }
        call.Mask = new FlashMask(
            0,
            isBoolean ? AttentionMaskKind.Boolean : AttentionMaskKind.Additive,
            call.Problem.DType,
            steps[0],
            steps[1],
            steps[2],
            steps[3]
        );
    }

    private static void Require(
        [DoesNotReturnIf(false)] bool holds,
        [InterpolatedStringHandlerArgument(nameof(holds))] ref Requirement.FailureText found,
        string required,
        string parameter
    ) => Requirement.That(holds, Subject, ref found, required, parameter);

    private static void Require(
        [DoesNotReturnIf(false)] bool holds,
        [InterpolatedStringHandlerArgument(nameof(holds))] ref Requirement.FailureText found,
        [InterpolatedStringHandlerArgument(nameof(holds))] ref Requirement.FailureText required,
        string parameter
    ) => Requirement.That(holds, Subject, ref found, ref required, parameter);
}
