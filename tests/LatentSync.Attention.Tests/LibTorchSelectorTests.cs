using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Tests;

/// <summary>libtorch's choice on GPUs that one does not have; on the CPU it is compared with libtorch itself (RuleTableTests).</summary>
public sealed class LibTorchSelectorTests
{
    private static readonly AttentionProblem Plain = AttentionProblem.Of(2, 8, 256, 256, 64) with
    {
        DType = AttentionDType.Float16,
        Device = AttentionDevice.Cuda(),
    };

    [Fact]
    public void Predict_OrderOfLibtorch_FirstUsableKernel()
    {
        Assert.Equal(LibTorchChoice.Flash, LibTorchSelector.Predict(Plain, Machines.H200));
        Assert.Equal(LibTorchChoice.Efficient, LibTorchSelector.Predict(Plain, Machines.TeslaT4));
        Assert.Equal(LibTorchChoice.Efficient, LibTorchSelector.Predict(Plain with { DType = AttentionDType.Float32 }, Machines.H200));
        Assert.Equal(LibTorchChoice.Math, LibTorchSelector.Predict(Plain with { DType = AttentionDType.Float64 }, Machines.H200));
        Assert.Equal(
            LibTorchChoice.CuDnn,
            LibTorchSelector.Predict(Plain, Machines.H200 with { Cuda = new CudaInfo("13.0", "13.0") { CuDnn = "9.16.0" } })
        );
        Assert.Equal(
            LibTorchChoice.Math,
            LibTorchSelector.Predict(Plain with { Device = new AttentionDevice(AttentionDeviceKind.Mps, 0) }, Machines.CpuOnly)
        );
    }

    /// <summary>What we repair libtorch refuses; what we alone refuse it would run: both must not leak into each other.</summary>
    [Fact]
    public void Predict_RepairsAndOurOwnRules_AreNotLibtorchs()
    {
        Assert.Equal(
            LibTorchChoice.Math,
            LibTorchSelector.Predict(Plain with { KvHeadCount = 2, DType = AttentionDType.Float32 }, Machines.H200)
        ); // ATT0306
        Assert.Equal(LibTorchChoice.Math, LibTorchSelector.Predict(Plain with { Rank = 3, Batch = 1 }, Machines.H200));
        Assert.Equal(
            LibTorchChoice.Math,
            LibTorchSelector.Predict(Plain with { DType = AttentionDType.Float32, HeadDim = 33, ValueDim = 33 }, Machines.H200)
        );
        Assert.Equal(LibTorchChoice.Flash, LibTorchSelector.Predict(Plain with { HeadDim = 33, ValueDim = 33 }, Machines.H200)); // libtorch pads for flash
        Assert.Equal(LibTorchChoice.Flash, LibTorchSelector.Predict(Plain with { Batch = 8192 }, Machines.H200)); // and then fails: ATT0807
        AttentionProblem longMasked = Plain with
        {
            QueryLength = 65_537,
            KeyLength = 65_537,
            Mask = AttentionMask.Of(AttentionMaskKind.Additive, 1, 1, 65_537, 65_537) with { DType = AttentionDType.Float16 },
        };
        Assert.Equal(LibTorchChoice.Efficient, LibTorchSelector.Predict(longMasked, Machines.H200)); // and is wrong: ATT0604
    }

    [Fact]
    public void Predict_UnknownRules_IsNull()
    {
        Assert.Null(
            LibTorchSelector.Predict(
                Plain,
                Machines.H200 with
                {
                    LibTorch = LibTorchCatalog.Describe("2.1.0", "12.1", OsFamily.Linux).LibTorch,
                }
            )
        );
        Machine amd = Machines.H200 with { Gpus = [new GpuInfo("MI300X", null, 1, null, null) { Maker = "amd" }] };
        Assert.Null(LibTorchSelector.Predict(Plain, amd));
    }

    /// <summary>Our verdict is never laxer than libtorch's: a kernel that it refuses, we refuse or repair.</summary>
    [Fact]
    public void Rules_RandomProblemsOnManyMachines_AreAtLeastAsStrictAsLibtorch()
    {
        const int seed = 23;
        var random = new Random(seed);
        (LibTorchChoice Choice, string Backend)[] kernels =
        [
            (LibTorchChoice.Flash, "torch-flash"),
            (LibTorchChoice.Efficient, "torch-efficient"),
            (LibTorchChoice.CuDnn, "torch-cudnn"),
        ];
        foreach (Machine machine in RandomProblems.Machines)
        {
            for (int i = 0; i < 200; i++)
            {
                AttentionProblem problem = RandomProblems.Draw(random);
                Plan plan = AttentionSelector.Select(problem, new SelectionContext { Machine = machine }, null);
                foreach ((LibTorchChoice choice, string backend) in kernels)
                {
                    Verdict verdict = plan.VerdictOf(backend)!;
                    string[] ours = [.. verdict.Reasons.Concat(verdict.Repairs).Select(reason => reason.Code)];
                    IReadOnlyList<string> theirs = LibTorchSelector.Refusals(choice, problem, machine);
                    Assert.True(
                        theirs.All(ours.Contains),
                        $"seed {seed}: {backend} {problem.Describe()}: {string.Join(" ", theirs.Except(ours))}"
                    );
                }
            }
        }
    }
}
