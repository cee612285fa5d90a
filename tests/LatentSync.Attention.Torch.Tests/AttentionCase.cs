using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>One shape that breaks kernels, with everything needed to make its tensors. <see cref="All"/> is the list that every backend
/// runs.</summary>
public sealed record AttentionCase(string Name, int B, int H, int Lq, int Lk, int D)
{
    public int? Hkv { get; init; }

    public int? Dv { get; init; }

    /// <summary>Sizes of the mask; null for none.</summary>
    public int[]? Mask { get; init; }

    public bool IsBoolean { get; init; }

    /// <summary>Rows whose keys are all hidden.</summary>
    public bool HasHiddenRows { get; init; }

    public AttentionArguments Arguments { get; init; }

    /// <summary>(B, L, H, D) in memory, seen through a transpose.</summary>
    public bool IsPermuted { get; init; }

    /// <summary>Last dimension of key and value with another stride than 1.</summary>
    public bool IsStrided { get; init; }

    public bool HasKeyBatchOne { get; init; }

    public int Rank { get; init; } = 4;

    /// <summary>Factor on the query, for large scores.</summary>
    public double Magnitude { get; init; } = 1;

    public override string ToString() => Name;

    private static readonly AttentionArguments Causal = new() { IsCausal = true };
    private static readonly AttentionArguments BottomRight = new() { IsCausal = true, CausalAlignment = CausalAlignment.BottomRight };

    public static IReadOnlyList<AttentionCase> All { get; } =
    [
        new("one of everything", 1, 1, 1, 1, 1),
        new("primes", 2, 3, 17, 29, 13),
        new("unet 40", 2, 8, 64, 64, 40),
        new("unet 80", 1, 8, 96, 96, 80),
        new("unet 160", 1, 8, 31, 33, 160),
        new("vae 512", 1, 1, 67, 67, 512),
        new("audio cross 50 tokens", 2, 8, 100, 50, 40),
        new("temporal", 40, 8, 16, 16, 40) { IsPermuted = true },
        new("several key blocks", 1, 2, 70, 1100, 24),
        new("permuted", 2, 3, 19, 23, 40) { IsPermuted = true },
        new("strided keys", 2, 3, 19, 23, 40) { IsStrided = true },
        new("no queries", 2, 3, 0, 5, 8),
        new("no keys", 2, 3, 5, 0, 8),
        new("no batch", 0, 3, 5, 4, 8),
        new("no keys causal", 1, 2, 3, 0, 8) { Arguments = Causal },
        new("value shorter", 2, 3, 17, 29, 24) { Dv = 7 },
        new("value longer", 2, 3, 17, 29, 24) { Dv = 40 },
        new("grouped", 2, 6, 17, 29, 16) { Hkv = 2 },
        new("multi-query permuted", 2, 5, 17, 29, 16) { Hkv = 1, IsPermuted = true },
        new("grouped masked", 2, 6, 17, 29, 16)
        {
            Hkv = 3,
            Mask = [2, 6, 17, 29],
            IsBoolean = true,
            HasHiddenRows = true,
        },
        new("bool 2d", 2, 3, 17, 29, 16)
        {
            Mask = [17, 29],
            IsBoolean = true,
            HasHiddenRows = true,
        },
        new("bool keys only", 2, 3, 17, 29, 16) { Mask = [2, 1, 1, 29], IsBoolean = true },
        new("bool rows only", 2, 3, 17, 29, 16)
        {
            Mask = [17, 1],
            IsBoolean = true,
            HasHiddenRows = true,
        },
        new("bool 1d", 2, 3, 17, 29, 16) { Mask = [29], IsBoolean = true },
        new("bool 3d", 2, 3, 17, 29, 16)
        {
            Mask = [3, 17, 29],
            IsBoolean = true,
            HasHiddenRows = true,
        },
        new("float 2d", 2, 3, 17, 29, 16) { Mask = [17, 29], HasHiddenRows = true },
        new("float 4d", 2, 3, 17, 29, 16) { Mask = [2, 3, 17, 29], HasHiddenRows = true },
        new("float per head", 2, 3, 17, 29, 16) { Mask = [1, 3, 1, 29] },
        new("float and causal", 2, 3, 17, 29, 16) { Mask = [17, 29], Arguments = Causal },
        new("bool and causal", 2, 3, 29, 17, 16)
        {
            Mask = [2, 1, 29, 17],
            IsBoolean = true,
            HasHiddenRows = true,
            Arguments = Causal,
        },
        new("causal square", 2, 3, 33, 33, 16) { Arguments = Causal },
        new("causal more keys", 2, 3, 17, 41, 16) { Arguments = Causal },
        new("causal more queries", 2, 3, 41, 17, 16) { Arguments = Causal },
        new("bottom-right more keys", 2, 3, 17, 41, 16) { Arguments = BottomRight },
        new("bottom-right more queries", 2, 3, 41, 17, 16) { Arguments = BottomRight },
        new("bottom-right masked", 1, 2, 17, 41, 16)
        {
            Arguments = BottomRight,
            Mask = [17, 41],
            IsBoolean = true,
        },
        new("window", 1, 2, 50, 50, 16)
        {
            Arguments = new AttentionArguments { LeftWindow = 3, RightWindow = 5 },
        },
        new("window left causal", 1, 2, 50, 60, 16) { Arguments = BottomRight with { LeftWindow = 7 } },
        new("window beyond the keys", 1, 2, 50, 20, 16)
        {
            Arguments = new AttentionArguments { LeftWindow = 2, RightWindow = 0 },
        },
        new("softcap", 1, 2, 17, 29, 16)
        {
            Arguments = new AttentionArguments { Softcap = 3, Scale = 1 },
            Mask = [17, 29],
        },
        new("scale", 2, 3, 17, 29, 16) { Arguments = new AttentionArguments { Scale = 0.7 } },
        new("scale 0", 1, 1, 5, 7, 16) { Arguments = new AttentionArguments { Scale = 0 } },
        new("negative scale", 1, 1, 5, 7, 16) { Arguments = new AttentionArguments { Scale = -0.3 } },
        new("scale 0 causal", 1, 1, 5, 7, 16) { Arguments = Causal with { Scale = 0 } },
        new("negative scale causal", 1, 2, 9, 7, 16) { Arguments = Causal with { Scale = -0.3 } },
        new("large scores", 1, 2, 17, 29, 16) { Magnitude = 2000 },
        new("key batch one", 3, 2, 17, 29, 16) { HasKeyBatchOne = true },
        new("rank 2", 1, 1, 17, 29, 16) { Rank = 2 },
        new("rank 3", 1, 5, 17, 29, 16)
        {
            Rank = 3,
            Mask = [5, 17, 29],
            IsBoolean = true,
        },
        new("rank 5", 4, 3, 17, 29, 16)
        {
            Rank = 5,
            Mask = [2, 3, 17, 29],
            IsBoolean = true,
        },
    ];

    /// <summary>The operands in an element type, in the current dispose scope.</summary>
    public (Tensor Query, Tensor Key, Tensor Value, AttentionArguments Arguments) Make(ScalarType dtype, int seed = 1)
    {
        var generator = new Generator((ulong)seed);
        int hkv = Hkv ?? H,
            bk = HasKeyBatchOne ? 1 : B;
        Tensor query = Operand(B, H, Lq, D).mul(Magnitude).to(dtype),
            key = Operand(bk, hkv, Lk, D).to(dtype),
            value = Operand(bk, hkv, Lk, Dv ?? D).to(dtype);
        if (IsStrided)
        {
            key = key.transpose(2, 3).contiguous().transpose(2, 3);
            value = value.transpose(2, 3).contiguous().transpose(2, 3);
        }
        (query, key, value) = (Ranked(query), Ranked(key), Ranked(value));
        return (query, key, value, Mask is null ? Arguments : Arguments with { Mask = MakeMask(dtype, generator) });

        Tensor Operand(int b, int h, int l, int d) =>
            IsPermuted ? randn([b, l, h, d], generator: generator).transpose(1, 2) : randn([b, h, l, d], generator: generator);
    }

    private Tensor Ranked(Tensor tensor) =>
        Rank switch
        {
            2 => tensor[0, 0],
            3 => tensor[0],
            5 => tensor.reshape([2, 2, .. tensor.shape[1..]]),
            _ => tensor,
        };

    private Tensor MakeMask(ScalarType dtype, Generator generator)
    {
        Tensor mask = rand([.. Mask!.Select(size => (long)size)], generator: generator).gt(0.4);
        if (HasHiddenRows)
        {
            mask.narrow(mask.dim() - 2, 2, 2).fill_(false);
        }
        if (IsBoolean)
        {
            return mask;
        }
        Tensor bias = randn(mask.shape, generator: generator);
        return bias.masked_fill(mask.logical_not(), double.NegativeInfinity).to(dtype);
    }
}
