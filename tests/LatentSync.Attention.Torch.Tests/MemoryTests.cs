using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Workloads;
using LatentSync.Lab.Verification;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Memory: what a call takes is at most what its plan said, and training leaves nothing behind.</summary>
public sealed class MemoryTests
{
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("managed-flash")]
    [InlineData("torch-flash")]
    [InlineData("torch-math")]
    [InlineData("sliced")]
    public void Run_LargeProblems_PeakIsWithinTheEstimate(string backendName)
    {
        Assert.SkipUnless(PeakMemory.IsAvailable, "the peak is read from Linux's /proc");
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        foreach (ScalarType dtype in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            foreach (string variant in new[] { "plain", "mask", "causal and mask", "grouped", "permuted", "longer value" })
            {
                using var scope = NewDisposeScope();
                Tensor query = randn(1, 8, 1500, 40).to(dtype),
                    key = randn(1, variant == "grouped" ? 2 : 8, 1500, 40).to(dtype);
                Tensor value = variant == "longer value" ? randn(1, 8, 1500, 120).to(dtype) : key;
                query = variant == "permuted" ? query.transpose(1, 2).contiguous().transpose(1, 2) : query;
                var arguments = new AttentionArguments
                {
                    Mask = variant.Contains("mask", StringComparison.Ordinal) ? rand(1500, 1500).gt(0.5) : null,
                    IsCausal = variant.Contains("causal", StringComparison.Ordinal),
                };
                Plan plan = dispatcher.Explain(AttentionDispatcher.Describe(query, key, value, arguments));
                dispatcher.Run(query, key, value, arguments).Dispose();

                long? peak = PeakMemory.Of(() => dispatcher.Run(query, key, value, arguments).Dispose());

                Assert.True(
                    peak <= plan.EstimatedBytes,
                    $"{variant} {dtype}: took {peak >> 20} MiB, estimated {plan.EstimatedBytes >> 20} MiB"
                );
            }
        }
    }

    /// <summary>Every backend with every problem, forward and in training, in both types; by default one in eight of these, which is every
    /// backend with every other problem.</summary>
    public static IEnumerable<TheoryDataRow<string, string, bool, AttentionDType>> AwkwardProblems()
    {
        string[] backends = ["managed-flash", "torch-flash", "torch-math", "sliced"];
        string[] names = [.. Awkward.Keys];
        for (int i = 0; i < backends.Length; i++)
        {
            for (int j = 0; j < names.Length; j++)
            {
                for (int kind = 0; kind < 4; kind++)
                {
                    TheoryDataRow<string, string, bool, AttentionDType> row = new(
                        backends[i],
                        names[j],
                        kind % 2 == 1,
                        kind < 2 ? AttentionDType.Float32 : AttentionDType.BFloat16
                    );
                    bool isOfThePart = (i + j) % 2 == 0 && kind == (i + (j / 2)) % 4 && !IsLong(backends[i], names[j], kind);
                    yield return isOfThePart ? row : row.WithTrait("Category", "Slow");
                }
            }
        }
    }

    /// <summary>More than two seconds each.</summary>
    private static bool IsLong(string backend, string name, int kind) =>
        name is "many tiny sequences" or "decode, grouped" && backend is "torch-math" or "sliced" && kind > 0;

    private static readonly Dictionary<string, AttentionProblem> Awkward = new()
    {
        ["many tiny sequences"] = AttentionProblem.Of(2, 4096, 16, 16, 40) with { QueryLayout = OperandLayout.LengthFirst },
        ["one long head"] = AttentionProblem.Of(1, 1, 3001, 3001, 64),
        ["wide head"] = AttentionProblem.Of(2, 1, 600, 600, 512),
        ["prime everything"] = AttentionProblem.Of(3, 5, 701, 997, 37),
        ["decode, grouped"] = AttentionProblem.Of(2, 32, 1, 4096, 128) with { KvHeadCount = 8 },
        ["causal, grouped"] = AttentionProblem.Of(1, 16, 800, 800, 64) with { KvHeadCount = 2, IsCausal = true },
        ["bottom-right"] = AttentionProblem.Of(1, 8, 300, 1700, 64) with { IsCausal = true, CausalAlignment = CausalAlignment.BottomRight },
        ["window"] = AttentionProblem.Of(1, 8, 1500, 1500, 40) with { LeftWindow = 64, RightWindow = 0 },
        ["keys and values differ"] = AttentionProblem.Of(1, 16, 512, 700, 192) with { ValueDim = 128 },
        ["mask per head"] = AttentionProblem.Of(2, 4, 500, 600, 48) with
        {
            Mask = AttentionMask.Of(AttentionMaskKind.Boolean, 2, 4, 500, 600),
        },
        ["bias"] = AttentionProblem.Of(2, 4, 500, 600, 48) with { Mask = AttentionMask.Of(AttentionMaskKind.Additive, 1, 4, 500, 600) },
        ["softcap"] = AttentionProblem.Of(1, 8, 900, 900, 40) with { Softcap = 5, IsCausal = true },
        ["one dimension"] = AttentionProblem.Of(1, 2, 2000, 2000, 1),
    };

    [Theory]
    [Trait("Category", "Exhaustive")]
    [MemberData(nameof(AwkwardProblems))]
    public void Run_AwkwardShape_PeakIsWithinTheEstimate(string backendName, string problemName, bool isTraining, AttentionDType dtype)
    {
        Assert.SkipUnless(PeakMemory.IsAvailable, "the peak is read from Linux's /proc");
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        using var scope = NewDisposeScope();
        AttentionProblem problem = Awkward[problemName] with { DType = dtype };
        AttentionInputs inputs = SeededOperands.Make(problem, seed: 1);
        Tensor query = inputs.Query.requires_grad_(isTraining),
            key = inputs.Key.requires_grad_(isTraining),
            value = inputs.Value.requires_grad_(isTraining);
        AttentionArguments arguments = BackendVerifier.ArgumentsOf(problem, inputs.Mask);
        Plan plan = dispatcher.Explain(AttentionDispatcher.Describe(query, key, value, arguments));
        Assert.SkipWhen(plan.Chosen is null, $"{backendName} does not run {problemName}");
        Assert.Equal(isTraining, plan.Problem.NeedsGradient);
        Tensor outputGradient = ones([problem.Batch, problem.HeadCount, problem.QueryLength, problem.ValueDim], inputs.Query.dtype);
        Call(); // libraries make their lasting workspaces

        // The peak is the whole process's: what the runtime takes meanwhile is not the call's, and does not come again each time.
        long? peak = PeakMemory.Of(Call);
        for (int attempt = 1; attempt < 3 && peak > plan.EstimatedBytes; attempt++)
        {
            peak = PeakMemory.Of(Call);
        }

        Assert.True(
            peak <= plan.EstimatedBytes,
            $"{problemName} {dtype}: took {peak >> 10} KiB, estimated {plan.EstimatedBytes >> 10} KiB"
        );

        void Call()
        {
            using var callScope = NewDisposeScope();
            Tensor output = dispatcher.Run(query, key, value, arguments);
            if (isTraining)
            {
                autograd.grad([output], [query, key, value], [outputGradient]);
            }
        }
    }

    /// <summary>1 GiB of scores under a limit of 512 MiB.</summary>
    [Fact]
    public void Run_ScoresBeyondTheMemoryLimit_AreComputedBySliced() => ComputeBySliced(16_384, freeBytes: 512L << 20);

    [Fact]
    [Trait("Category", "Slow")]
    public void Run_64GiBOfScores_AreComputedBySliced() => ComputeBySliced(131_072, freeBytes: 16L << 30);

    /// <summary>The problem just beyond a CUDA launch, split as it is there, each part a real kernel call.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void Run_65536TemporalSequences_SplitAtTheLaunchLimit_EqualsFloat64()
    {
        using var scope = NewDisposeScope();
        AttentionProblem problem = WorkloadCatalog
            .Find("latentsync-512")
            .Layers.Single(layer => layer.Name == "unet.temporal.64x64")
            .Problem;
        Assert.True((long)problem.Batch * problem.HeadCount > TorchFlashRules.LaunchLimit);
        Assert.All(
            LaunchChunks.Split(problem.Batch, problem.HeadCount, 1, TorchFlashRules.LaunchLimit),
            chunk => Assert.InRange((long)chunk.BatchCount * chunk.HeadCount, 1, TorchFlashRules.LaunchLimit)
        );
        AttentionInputs inputs = SeededOperands.Make(problem, seed: 1);
        using var reference = new SampledReference(problem, inputs, 1_000_000, seed: 1);
        foreach (int limit in new[] { TorchFlashRules.LaunchLimit, 30_000 }) // 30 000: heads of one sequence are parted too
        {
            using Tensor output = new TorchFlashBackend(launchLimit: limit).Run(problem, inputs).Output;
            (_, double error) = reference.ErrorOf(output);
            Assert.True(error <= Tolerances.Of(problem), $"limit {limit}: {error:E2}");
            Assert.True(output.isfinite().all().item<bool>());
        }
    }

    private static void ComputeBySliced(int length, long freeBytes)
    {
        using var scope = NewDisposeScope();
        AttentionProblem problem = AttentionProblem.Of(1, 1, length, length, 8);
        AttentionInputs inputs = SeededOperands.Make(problem, seed: 1);
        using var reference = new SampledReference(problem, inputs, 64L * length, seed: 1);
        AttentionDispatcher dispatcher = new(
            new AttentionDispatcherOptions { Policy = Policy.Forbid("managed-flash", "torch-flash"), FreeMemory = _ => freeBytes }
        );
        Plan plan = dispatcher.Explain(problem);
        Assert.Equal("sliced", plan.Chosen);
        Assert.Contains(plan.VerdictOf("torch-math")!.Reasons, reason => reason.Code == MemoryRules.FitsCode);
        Assert.True(plan.EstimatedBytes <= 400L << 20, $"estimated {plan.EstimatedBytes >> 20} MiB");
        Tensor? output = null;

        long? peak = PeakMemory.Of(() => output = dispatcher.Run(inputs.Query, inputs.Key, inputs.Value));

        Assert.Equal("sliced", dispatcher.Snapshot().Single().Backend);
        (_, double error) = reference.ErrorOf(output!);
        Assert.True(error <= Tolerances.Of(problem), $"{error:E2}");
        Assert.True(output!.isfinite().all().item<bool>());
        Assert.True(peak is null || peak <= plan.EstimatedBytes, $"took {peak >> 20} MiB, estimated {plan.EstimatedBytes >> 20} MiB");
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("torch-flash")]
    [InlineData("torch-math")]
    [InlineData("sliced")]
    [InlineData("sliced in 4 KiB")]
    public void Backward_Repeated_LeavesNoTensorBehind(string backendName)
    {
        using var scope = NewDisposeScope();
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        Tensor query = randn(1, 2, 33, 8).requires_grad_(),
            key = randn(1, 2, 29, 8).requires_grad_(),
            mask = randn(33, 29);
        mask = backendName == "torch-flash" ? mask.gt(0) : mask; // ATT0217
        var counts = new List<long>();
        for (int step = 0; step < 4; step++)
        {
            using (var stepScope = NewDisposeScope())
            {
                dispatcher.Run(query, key, key, new() { Mask = mask }).square().sum().backward();
                query.grad!.zero_();
                key.grad!.zero_();
            }
            counts.Add(Tensor.TotalCount);
        }
        Assert.Equal(counts[1], counts[3]);
    }
}
