using System.Globalization;
using LatentSync.Attention.Constraints;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.SelfTest;

/// <summary>Small problems with known answers: forward only, against float64 on the CPU. Of the cases, those run that the backend's rules
/// allow. Draws no random numbers, records no gradient.</summary>
/// <remarks>It finds kernels that are wrong for everything of their kind (a miscompiled head dim, a broken decode path, a mask that is
/// ignored). It does not find what depends on large sizes, on the backward pass, or on chance; known cases of these are rules
/// (ATT06nn).</remarks>
internal static class KernelSelfTest
{
    private sealed record Case(string Name, int HeadCount, int KvHeadCount, int QueryLength, int KeyLength)
    {
        internal bool IsCausal { get; init; }

        internal bool HasMask { get; init; }
    }

    private static readonly Case[] Cases =
    [
        new("several tiles", 2, 2, 66, 130),
        new("causal", 2, 2, 17, 17) { IsCausal = true },
        new("masked", 2, 2, 19, 23) { HasMask = true },
        new("decode", 4, 2, 1, 33),
        new("one of each", 1, 1, 1, 2),
    ];

    /// <summary>Runs the cases with the element type, device and head dims of a problem.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="machine">The machine, for the rules.</param>
    /// <param name="like">The problem that is waiting.</param>
    /// <param name="device">Device of its tensors.</param>
    /// <returns>null when every answer is right; else what was wrong, in one line.</returns>
    internal static string? Run(IAttentionBackend backend, Machine machine, in AttentionProblem like, Device device)
    {
        BackendRules? rules = AttentionRules.Backends.FirstOrDefault(rules => rules.Name == backend.Name);
        using IDisposable noGradient = no_grad();
        foreach (Case test in Cases)
        {
            using var scope = NewDisposeScope();
            ScalarType dtype = TensorFacts.ScalarTypeOf(like.DType);
            Tensor query = Operand(1, test.HeadCount, test.QueryLength, like.HeadDim).to(dtype);
            Tensor key = Operand(2, test.KvHeadCount, test.KeyLength, like.HeadDim).to(dtype);
            Tensor value = Operand(3, test.KvHeadCount, test.KeyLength, like.ValueDim).to(dtype);
            var arguments = new AttentionArguments { IsCausal = test.IsCausal, Mask = test.HasMask ? Mask(test) : null };
            AttentionProblem problem = TensorFacts.Describe(query, key, value, arguments) with { Device = like.Device };
            if (rules is not null && !Allows(rules, machine, problem))
            {
                continue;
            }
            Tensor expected = ReferenceAttention.Compute(query, key, value, arguments);
            var inputs = new AttentionInputs(query.to(device), key.to(device), value.to(device), arguments.Mask?.to(device));
            Tensor actual = backend.Run(problem, inputs).Output.to(CPU).to(ScalarType.Float64);
            double error = (expected - actual).abs().nan_to_num(nan: double.PositiveInfinity).max().item<double>();
            double allowed = Tolerance(like);
            if (!(error <= allowed))
            {
                return string.Create(CultureInfo.InvariantCulture,
                    $"{backend.Name} is wrong by {error:G3} where {allowed:G3} is allowed ({test.Name}: {problem.Describe()})");
            }
        }
        return null;
    }

    /// <summary>Operands are within ±1, so that results are too: a few roundings of the element type, and of TF32 (2^-11) where a GPU may
    /// use it for float32. What is wrong is wrong by more.</summary>
    private static double Tolerance(in AttentionProblem problem) =>
        problem.DType switch
        {
            AttentionDType.Float64 => 1e-10,
            AttentionDType.Float32 => problem.Device.Kind == AttentionDeviceKind.Cpu ? 1e-4 : 1e-2,
            AttentionDType.Float16 => 1e-2,
            _ => 5e-2,
        };

    private static bool Allows(BackendRules rules, Machine machine, in AttentionProblem problem) =>
        AttentionSelector.Select(problem, new SelectionContext { Machine = machine, Backends = [rules] }, freeBytes: null).Chosen is not null;

    /// <summary>(1, heads, length, dim), evenly spread over ±1, the same at every call.</summary>
    private static Tensor Operand(uint seed, int heads, int length, int dim)
    {
        float[] elements = new float[heads * length * dim];
        uint state = seed * 0x9E3779B9;
        for (int i = 0; i < elements.Length; i++)
        {
            state = state * 1664525 + 1013904223; // Numerical Recipes, "quick and dirty"
            elements[i] = (state >> 8) * (2f / (1 << 24)) - 1;
        }
        return tensor(elements, [1, heads, length, dim]);
    }

    /// <summary>(1, 1, Lq, Lk): a row that sees nothing, a row that sees one key, and stripes.</summary>
    private static Tensor Mask(Case test)
    {
        bool[] visible = new bool[test.QueryLength * test.KeyLength];
        for (int i = 0; i < visible.Length; i++)
        {
            int row = i / test.KeyLength, column = i % test.KeyLength;
            visible[i] = row switch { 3 => false, 4 => column == 7, _ => (row + column) % 3 != 0 };
        }
        return tensor(visible, [1, 1, test.QueryLength, test.KeyLength]);
    }
}
