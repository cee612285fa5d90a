using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Auditing;

/// <summary>A problem as tensors.</summary>
internal readonly record struct RandomProblem(Tensor Query, Tensor Key, Tensor Value, AttentionArguments Arguments);

/// <summary>Draws problems that touch every rule: element types, head dims, masks of every rank, causal, grouped heads, dropout, training,
/// strides, batches of 1, lengths of 0. The same seed gives the same sequence. Numbers are made on the CPU, so that a seed gives them on
/// every device.</summary>
internal sealed class RandomProblems
{
    private readonly Random _random;
    private readonly AttentionDevice _device;
    private readonly Ranges _ranges;

    internal RandomProblems(int seed, AttentionDevice where)
    {
        _random = new Random(seed);
        _device = where;
        _ranges = where.Kind == AttentionDeviceKind.Cpu ? Ranges.Cpu : Ranges.Cuda;
    }

    /// <summary>The next problem, in the caller's dispose scope.</summary>
    internal RandomProblem Draw()
    {
        int b = _random.Next(1, 4),
            kv = _random.Next(1, 4),
            group = Chance(4) ? 2 : 1,
            h = kv * group;
        int lq = Chance(20) ? 0 : Pick(_ranges.Lengths),
            lk = Chance(20) ? 0
            : Chance(_ranges.SquareOneIn) ? lq
            : Pick(_ranges.Lengths);
        int d = Pick(_ranges.HeadDims),
            dv = Chance(8) ? Pick(_ranges.HeadDims) : d;
        ScalarType dtype = Pick(_ranges.Types);
        bool permuted = Chance(3);
        int kb = group == 1 && Chance(12) ? 1 : b;
        var generator = new Generator((ulong)_random.Next());
        Tensor query = Operand(b, h, lq, d),
            key = Operand(kb, kv, lk, d),
            value = Operand(kb, kv, lk, dv);
        if (Chance(12))
        {
            key = key.transpose(2, 3).contiguous().transpose(2, 3);
        }
        int rank = kb == b && Chance(10) ? 3 : 4;
        if (rank == 3)
        {
            b = 1;
            (query, key, value) = (query[0], key[0], value[0]);
        }
        if (Chance(_ranges.TrainingOneIn))
        {
            query = query.detach().requires_grad_();
        }
        Tensor? mask = Chance(2) ? null : Mask();
        return new RandomProblem(
            query,
            key,
            value,
            new AttentionArguments
            {
                Mask = mask,
                IsCausal = Chance(_ranges.CausalOneIn),
                Dropout = Chance(15) ? 0.25 : 0,
            }
        );

        Tensor Operand(int batch, int heads, int length, int dim) =>
            OnDevice(
                (
                    permuted
                        ? randn([batch, length, heads, dim], generator: generator).transpose(1, 2)
                        : randn([batch, heads, length, dim], generator: generator)
                ).to(dtype)
            );

        Tensor Mask()
        {
            long[] full = [b, h, lq, lk];
            int maskRank = _random.Next(4) switch
            {
                0 => 3,
                1 => 2,
                _ => 4,
            };
            long[] sizes = [.. full[^maskRank..].Select(size => Chance(4) ? 1 : size)];
            Tensor visible = rand(sizes, generator: generator).gt(Scalars.Of(0.3));
            bool isStrided = Chance(10);
            if (Chance(2))
            {
                return OnDevice(isStrided ? Strided(visible) : visible);
            }
            Tensor bias = randn(sizes, generator: generator).masked_fill(visible.logical_not(), Scalars.NegativeInfinity);
            bias = dtype != ScalarType.Float64 && Chance(3) ? bias : bias.to(dtype);
            bias = OnDevice(isStrided ? Strided(bias) : bias);
            return Chance(8) ? bias.detach().requires_grad_() : bias;
        }
    }

    private bool Chance(int oneIn) => _random.Next(oneIn) == 0;

    private T Pick<T>(T[] choices) => choices[_random.Next(choices.Length)];

    private Tensor OnDevice(Tensor tensor) =>
        _device.Kind == AttentionDeviceKind.Cpu ? tensor : tensor.to(device(DeviceType.CUDA, _device.Index));

    private static Tensor Strided(Tensor mask) => mask.transpose(-1, -2).contiguous().transpose(-1, -2);

    /// <summary>What is drawn from on a kind of device; a choice that stands twice is twice as likely.</summary>
    private sealed record Ranges(int[] Lengths, int[] HeadDims, ScalarType[] Types, int SquareOneIn, int CausalOneIn, int TrainingOneIn)
    {
        internal static Ranges Cpu { get; } =
            new(
                [1, 2, 5, 16, 33],
                [1, 3, 8, 24, 40],
                [ScalarType.Float64, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32],
                SquareOneIn: 3,
                CausalOneIn: 4,
                TrainingOneIn: 10
            );

        /// <summary>Head dims on both sides of each kernel's limits (64, 128, 192, 224, 256) and of each multiple (4, 8); lengths around a
        /// tile of 64 and 128.</summary>
        internal static Ranges Cuda { get; } =
            new(
                [1, 2, 16, 17, 50, 64, 127, 128, 129, 256],
                [8, 20, 33, 40, 64, 72, 80, 96, 128, 136, 160, 192, 200, 224, 232, 256, 264, 512],
                [
                    ScalarType.Float16,
                    ScalarType.Float16,
                    ScalarType.Float16,
                    ScalarType.BFloat16,
                    ScalarType.BFloat16,
                    ScalarType.BFloat16,
                    ScalarType.Float32,
                    ScalarType.Float32,
                    ScalarType.Float64,
                ],
                SquareOneIn: 2,
                CausalOneIn: 3,
                TrainingOneIn: 4
            );
    }
}
