using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Benchmarks.Peers;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

// libtorch's switches are process-wide.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace LatentSync.Benchmarks.Tests;

/// <summary>The model that is written by hand, and what ONNX Runtime makes of it.</summary>
public sealed class MultiHeadAttentionModelTests
{
    [Theory]
    [InlineData(null)]
    [InlineData(0.3)]
    public void Write_AnyShape_IsAcceptedWithItsShapes(double? scale)
    {
        using var session = new InferenceSession(MultiHeadAttentionModel.Write(2, 300, 5, 1500, 40, 24, scale)); // sizes of one and two bytes

        Assert.Equal(["key", "query", "value"], session.InputMetadata.Keys.Order());
        Assert.Equal([2, 5, 12000], session.InputMetadata["query"].Dimensions);
        Assert.Equal([2, 1500, 12000], session.InputMetadata["key"].Dimensions);
        Assert.Equal([2, 1500, 7200], session.InputMetadata["value"].Dimensions);
        Assert.Equal([2, 5, 7200], session.OutputMetadata["output"].Dimensions);
        Assert.Equal(typeof(float), session.OutputMetadata["output"].ElementType);
    }

    public static TheoryData<int, int, int, int, int, int, int, double?> Shapes =>
        new()
        {
            { 1, 1, 1, 1, 1, 1, 1, null },
            { 2, 3, 17, 29, 24, 24, 1, null },
            { 2, 3, 17, 29, 24, 40, 1, 0.3 },
            { 2, 6, 16, 16, 40, 40, 3, null }, // three positions of two heads
        };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Run_AnyShape_EqualsFloat64(
        int batch,
        int heads,
        int queryLength,
        int keyLength,
        int headDim,
        int valueDim,
        int positions,
        double? scale
    )
    {
        TorchRuntime.EnsureLoaded();
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        // (B, L, H, dim) as projections write it
        Tensor query = randn([batch, queryLength, heads, headDim], generator: generator).transpose(1, 2);
        Tensor key = randn([batch, keyLength, heads, headDim], generator: generator).transpose(1, 2);
        Tensor value = randn([batch, keyLength, heads, valueDim], generator: generator).transpose(1, 2);
        AttentionProblem problem = AttentionProblem.Of(batch, heads, queryLength, keyLength, headDim) with
        {
            ValueDim = valueDim,
            Scale = scale,
        };

        using var onnx = new OnnxRuntimeAttention(problem, new(query, key, value, null), positions, threads: 2);
        onnx.Run();
        onnx.Run();

        using Tensor expected = ReferenceAttention.Compute(query, key, value, new() { Scale = scale });
        using Tensor output = onnx.Output();
        Assert.Equal(expected.shape, output.shape);
        Assert.True(expected.sub(output.to(ScalarType.Float64)).abs().max().item<double>() < 1e-5);
    }
}
