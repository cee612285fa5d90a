using LatentSync.Attention;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Attention.Workloads;
using LatentSync.Lab.Verification;
using static TorchSharp.torch;

namespace LatentSync.Lab.Tests.Verification;

/// <summary>The verifier on gradients.</summary>
public sealed class TrainingVerificationTests
{
    private static readonly AttentionProblem Plain = AttentionProblem.Of(2, 4, 33, 47, 24);

    private static readonly Workload Small = new(
        "small",
        "shapes that differ in everything",
        [
            new("plain", Plain, 1, "pass"),
            new("length first", Plain with { QueryLayout = OperandLayout.LengthFirst }, 1, "pass"),
            new(
                "grouped causal",
                Plain with
                {
                    KvHeadCount = 2,
                    IsCausal = true,
                    CausalAlignment = CausalAlignment.BottomRight,
                },
                1,
                "pass"
            ),
            new("longer values", Plain with { ValueDim = 40 }, 1, "pass"),
            new("window", Plain with { LeftWindow = 5, RightWindow = 2 }, 1, "pass"),
            new("mask", Plain with { Mask = AttentionMask.Of(AttentionMaskKind.Boolean, 2, 1, 33, 47) }, 1, "pass"),
            new("bias", Plain with { Mask = AttentionMask.Of(AttentionMaskKind.Additive, 1, 4, 33, 47) }, 1, "pass"),
            new("softcap", Plain with { Softcap = 5 }, 1, "pass"),
        ]
    );

    [Theory]
    [InlineData(4_000_000, Traits = ["Category", "Slow"])] // everything at once
    [InlineData(3000)] // one key head of a layer, some queries at a time
    public void Run_EveryBackendAndDType_IsRight(long referenceScores)
    {
        AttentionDType[] dtypes = [AttentionDType.Float32, AttentionDType.Float16, AttentionDType.BFloat16, AttentionDType.Float64];

        List<LayerVerification> layers = Verify(Small, AttentionDispatcher.BuiltInBackends(), dtypes, referenceScores);

        Assert.Equal(Small.Layers.Count * dtypes.Length, layers.Count);
        foreach (LayerVerification layer in layers)
        {
            Assert.True(layer.Problem.NeedsGradient);
            Assert.NotEmpty(layer.Results);
            Assert.All(
                layer.Results,
                result =>
                {
                    Assert.True(
                        result.Passed,
                        $"{layer.Layer.Name} {layer.Problem.DType} {result.Backend}: {result.Failure} {result.RelativeError:E2}"
                    );
                    Assert.Equal(result.RelativeError, result.GradientErrors!.Max());
                    Assert.True(result.Milliseconds > 0 && result.PeakFraction > 0);
                    Assert.True(result.CheckedRows == result.Rows || referenceScores == 3000);
                }
            );
        }
    }

    [Theory]
    [InlineData("no gradient", "carries no gradient")]
    [InlineData("value's gradient off", "above the tolerance")]
    [InlineData("one key's gradient off", "above the tolerance")]
    public void Run_RightResultWithWrongGradient_IsFound(string fault, string failure)
    {
        Workload workload = new("w", "w", [new("layer", Plain, 1, "pass")]);

        LayerVerification layer = Assert.Single(
            Verify(workload, [new TorchFlashBackend(), new FaultyBackend(fault)], [AttentionDType.Float32], 4_000_000)
        );

        VerificationResult faulty = layer.Results.Single(result => result.Backend == AttentionBackendNames.Sliced);
        Assert.False(faulty.Passed);
        Assert.Contains(failure, faulty.Failure, StringComparison.Ordinal);
        Assert.True(layer.Results.Single(result => result.Backend == AttentionBackendNames.TorchFlash).Passed);
        Assert.Null(layer.SpeedOverBestOther(AttentionBackendNames.TorchFlash)); // the other one is wrong
    }

    [Fact]
    public void Run_Training_LeavesNoTensorBehind()
    {
        Workload workload = new("w", "w", [new("layer", Plain, 1, "pass")]);
        Verify(workload, AttentionDispatcher.BuiltInBackends(), [AttentionDType.Float32], 4_000_000);
        long before = Tensor.TotalCount;
        Verify(workload, AttentionDispatcher.BuiltInBackends(), [AttentionDType.Float32], 4_000_000);
        Assert.Equal(before, Tensor.TotalCount);
    }

    private static List<LayerVerification> Verify(
        Workload workload,
        IReadOnlyList<IAttentionBackend> backends,
        IReadOnlyList<AttentionDType> dtypes,
        long referenceScores
    ) =>
        [
            .. new BackendVerifier(
                new VerificationOptions
                {
                    Machine = TorchMachine.Describe(),
                    Workloads = [workload],
                    Backends = backends,
                    DTypes = dtypes,
                    IsTraining = true,
                    Repeats = 1,
                    Budget = TimeSpan.FromMilliseconds(50),
                    ReferenceScores = referenceScores,
                    FreeMemory = _ => null,
                }
            ).Run(),
        ];

    /// <summary>Right in its result, wrong in a gradient.</summary>
    private sealed class FaultyBackend(string fault) : IAttentionBackend
    {
        public string Name => AttentionBackendNames.Sliced;

        public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
        {
            Tensor output = new SlicedBackend().Run(problem, inputs).Output;
            if (fault == "no gradient")
            {
                return output.detach();
            }
            Tensor touched = fault == "value's gradient off" ? inputs.Value : inputs.Key.narrow(2, problem.KeyLength - 1, 1);
            Tensor sum = touched.sum();
            return output.add(sum.sub(sum.detach()), Scalars.Of(1e-3)); // adds nothing, but has a gradient
        }
    }
}
