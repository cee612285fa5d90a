using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>A random call of attention, by seed: shapes, strides, offsets, masks of every form.</summary>
internal sealed record RandomCall(Tensor Query, Tensor Key, Tensor Value, AttentionArguments Arguments)
{
    private static readonly int[] Lengths = [1, 2, 5, 8, 16, 33],
        Dims = [1, 3, 8, 20, 40, 64, 80, 160];

    /// <summary>Draws a call in the current dispose scope.</summary>
    internal static RandomCall Draw(Random random, ScalarType dtype, bool withGradient = false)
    {
        int b = random.Next(1, 4),
            kv = random.Next(1, 4),
            h = Chance(3) ? kv * random.Next(2, 4) : kv;
        int lq = Pick(Lengths),
            lk = Chance(3) ? lq : Pick(Lengths),
            d = Pick(Dims),
            dv = Chance(6) ? Pick(Dims) : d;
        var generator = new Generator((ulong)random.Next());
        bool permuted = Chance(3),
            offset = Chance(4),
            strided = Chance(8);
        int keyBatch = Chance(12) ? 1 : b;
        Tensor query = Operand(b, h, lq, d),
            key = Operand(keyBatch, kv, lk, d),
            value = Operand(keyBatch, kv, lk, dv);
        if (withGradient)
        {
            query.requires_grad_();
            value.requires_grad_();
        }
        bool isCausal = Chance(3);
        var arguments = new AttentionArguments
        {
            IsCausal = isCausal,
            CausalAlignment = isCausal && Chance(4) ? Problems.CausalAlignment.BottomRight : Problems.CausalAlignment.TopLeft,
            LeftWindow = Chance(10) ? random.Next(4) : null,
            Scale = Chance(5) ? 0.3 : null,
            Mask = Chance(2) ? Mask() : null,
        };
        return new RandomCall(query, key, value, arguments);

        bool Chance(int oneIn) => random.Next(oneIn) == 0;

        int Pick(int[] from) => from[random.Next(from.Length)];

        Tensor Operand(int batch, int heads, int length, int dim)
        {
            // An offset: the operand is a part of a wider row, as of a packed query-key-value projection.
            int wide = offset ? dim + 3 : dim;
            Tensor whole = (
                permuted
                    ? randn([batch, length, heads, wide], generator: generator).transpose(1, 2)
                    : randn([batch, heads, length, wide], generator: generator)
            ).to(dtype);
            Tensor part = offset ? whole.narrow(3, 1, dim) : whole;
            return strided ? part.transpose(2, 3).contiguous().transpose(2, 3) : part;
        }

        Tensor Mask()
        {
            long[] full = [b, h, lq, lk];
            long[] sizes = [.. full[^random.Next(1, 5)..].Select(size => Chance(4) ? 1 : size)];
            Tensor visible = rand(sizes, generator: generator).gt(0.35);
            if (sizes.Length >= 2 && sizes[^2] > 1 && Chance(2))
            {
                visible.narrow(sizes.Length - 2, 1, 1).fill_(false); // a row that sees nothing
            }
            if (Chance(2))
            {
                return visible;
            }
            Tensor bias = randn(sizes, generator: generator).masked_fill(visible.logical_not(), double.NegativeInfinity);
            bias = Chance(3) && sizes.Length >= 2 ? bias.transpose(-1, -2).contiguous().transpose(-1, -2) : bias;
            return Chance(3) ? bias : bias.to(dtype);
        }
    }
}
