using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Packages.Tests;

/// <summary>What docs/migrating.md says about other libraries' masks, against those masks written out from their definitions.</summary>
public sealed class MaskMappingTests
{
    private const int Queries = 11,
        Keys = 17,
        Shift = Keys - Queries;

    private static readonly (string Name, AttentionArguments Ours, Func<int, int, bool> Sees)[] Mappings =
    [
        ("xformers LowerTriangularMask", new() { IsCausal = true }, (i, j) => j <= i),
        ("xformers LowerTriangularFromBottomRightMask, flash-attn causal", BottomRight(true, null, null), (i, j) => j <= i + Shift),
        ("xformers LocalAttentionFromBottomRightMask(3, 2)", BottomRight(false, 3, 2), (i, j) => i - 3 <= j - Shift && j - Shift <= i + 2),
        (
            "xformers LowerTriangularFromBottomRightLocalAttentionMask(4)",
            BottomRight(true, 3, null),
            (i, j) => j <= i + Shift && j > i + Shift - 4
        ),
        ("flash-attn window_size=(5, 0)", BottomRight(true, 5, null), (i, j) => i + Shift - 5 <= j && j <= i + Shift),
    ];

    public static TheoryData<string> Names() => [.. Mappings.Select(mapping => mapping.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Mask_AsThePageMapsIt_SeesTheSameKeys(string name)
    {
        using var scope = NewDisposeScope();
        (_, AttentionArguments ours, Func<int, int, bool> sees) = Mappings.Single(mapping => mapping.Name == name);
        Tensor query = randn([1, 2, Queries, 8], generator: new Generator(1)),
            key = randn([1, 2, Keys, 8], generator: new Generator(2));
        bool[] written = [.. Enumerable.Range(0, Queries * Keys).Select(at => sees(at / Keys, at % Keys))];
        Tensor mask = tensor(written).reshape(Queries, Keys);

        Tensor mapped = AttentionDispatcher.Current.Run(query, key, key, ours);
        Tensor expected = TorchAttention.ScaledDotProductAttention(query, key, key, attnMask: mask);

        Assert.InRange((mapped - expected).abs().max().item<float>(), 0, 1e-5);
        Tensor everything = TorchAttention.ScaledDotProductAttention(query, key, key);
        Assert.True((mapped - everything).abs().max().item<float>() > 1e-2, "the mask hid nothing: this test would not notice a wrong one");
    }

    private static AttentionArguments BottomRight(bool isCausal, int? left, int? right) =>
        new()
        {
            IsCausal = isCausal,
            CausalAlignment = CausalAlignment.BottomRight,
            LeftWindow = left,
            RightWindow = right,
        };
}
