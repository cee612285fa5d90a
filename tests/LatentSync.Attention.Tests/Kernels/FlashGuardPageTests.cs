using System.Numerics.Tensors;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Operands that end, or begin, at memory nobody may touch.</summary>
public sealed unsafe class FlashGuardPageTests
{
    public static TheoryData<int, int, int, int> Shapes()
    {
        var rows = new TheoryData<int, int, int, int>();
        foreach (
            (int queries, int keys) in ((int, int)[])[(1, 1), (1, 97), (5, 3), (16, 16), (17, 96), (63, 50), (66, 193), (1, 257), (4, 300)]
        )
        {
            foreach ((int dim, int valueDim) in ((int, int)[])[(1, 1), (3, 5), (7, 4), (15, 17), (40, 33), (65, 65), (160, 2)])
            {
                rows.Add(queries, keys, dim, valueDim);
            }
        }
        return rows;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void BothPasses_BuffersAtGuardedPages_StayInside(int queries, int keys, int dim, int valueDim)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Guarded pages are taken with Linux's numbers for mmap.");
        foreach (bool atEnd in (bool[])[true, false])
        {
            foreach (bool isLengthFirst in (bool[])[false, true])
            {
                Run<float>(queries, keys, dim, valueDim, atEnd, isLengthFirst);
                Run<double>(queries, keys, dim, valueDim, atEnd, isLengthFirst);
                Run<Half>(queries, keys, dim, valueDim, atEnd, isLengthFirst);
                Run<BFloat16>(queries, keys, dim, valueDim, atEnd, isLengthFirst);
            }
        }
    }

    private static void Run<T>(int queries, int keys, int dim, int valueDim, bool atEnd, bool isLengthFirst)
        where T : unmanaged
    {
        const int Heads = 3;
        using var query = new GuardedMemory<T>(Heads * queries * dim, atEnd);
        using var key = new GuardedMemory<T>(Heads * keys * dim, atEnd);
        using var value = new GuardedMemory<T>(Heads * keys * valueDim, atEnd);
        using var output = new GuardedMemory<T>(Heads * queries * valueDim, atEnd);
        using var bias = new GuardedMemory<T>(queries * keys, atEnd);
        using var mask = new GuardedMemory<bool>(keys, atEnd);
        using var logSumExp = new GuardedMemory<float>(Heads * queries, atEnd);
        using var logSumExpDouble = new GuardedMemory<double>(Heads * queries, atEnd);
        using var outputGradient = new GuardedMemory<T>(Heads * queries * valueDim, atEnd);
        using var queryGradient = new GuardedMemory<T>(Heads * queries * dim, atEnd);
        using var keyGradient = new GuardedMemory<T>(Heads * keys * dim, atEnd);
        using var valueGradient = new GuardedMemory<T>(Heads * keys * valueDim, atEnd);
        outputGradient.Span.Fill(Numbers<T>.Of(1));
        query.Span.Fill(Numbers<T>.Of(0.5));
        key.Span.Fill(Numbers<T>.Of(0.25));
        value.Span.Fill(Numbers<T>.Of(2));
        mask.Span.Fill(true);
        for (int i = 0; i < 3; i++)
        {
            output.Span.Clear();
            var arguments = new FlashAttentionArguments<T>
            {
                Query = Tensor(query, queries, dim),
                Key = Tensor(key, keys, dim),
                Value = Tensor(value, keys, valueDim),
                Output = Tensor(output, queries, valueDim),
                Bias = i == 1 ? new ReadOnlyTensorSpan<T>(bias.Start, bias.Count, [queries, keys]) : default,
                Mask = i == 2 ? new ReadOnlyTensorSpan<bool>(mask.Start, mask.Count, [keys]) : default,
                LogSumExp = typeof(T) == typeof(double) ? default : logSumExp.Span,
                LogSumExpDouble = typeof(T) == typeof(double) ? logSumExpDouble.Span : default,
            };
            FlashAttention.Forward(arguments);
            AssertAll(output, 2, 1e-5);

            // All weights are 1 / keys and all values equal: nothing that a query or key could change.
            FlashAttention.Backward(
                arguments,
                new FlashAttentionGradients<T>
                {
                    OutputGradient = Tensor(outputGradient, queries, valueDim),
                    QueryGradient = Tensor(queryGradient, queries, dim),
                    KeyGradient = Tensor(keyGradient, keys, dim),
                    ValueGradient = Tensor(valueGradient, keys, valueDim),
                }
            );
            AssertAll(queryGradient, 0, 1e-4);
            AssertAll(keyGradient, 0, 1e-4);
            AssertAll(valueGradient, (double)queries / keys, (double)queries / keys * 0.005);
        }

        static void AssertAll(GuardedMemory<T> memory, double expected, double tolerance)
        {
            foreach (T number in memory.Span)
            {
                Assert.Equal(expected, Numbers<T>.ToDouble(number), tolerance);
            }
        }

        TensorSpan<T> Tensor(GuardedMemory<T> memory, int length, int elements)
        {
            nint[] lengths = [1, Heads, length, elements];
            nint row = length == 1 ? 0
                : isLengthFirst ? Heads * elements
                : elements,
                head = isLengthFirst ? elements : length * elements;
            return new TensorSpan<T>(memory.Start, memory.Count, lengths, [0, head, row, elements == 1 ? 0 : 1]);
        }
    }
}
