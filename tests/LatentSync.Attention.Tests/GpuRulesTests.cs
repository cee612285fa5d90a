using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Tests;

/// <summary>The rules of the CUDA kernels, one broken at a time.</summary>
public sealed class GpuRulesTests
{
    private static readonly AttentionProblem Plain = AttentionProblem.Of(2, 8, 256, 256, 64) with
    {
        DType = AttentionDType.Float16,
        Device = AttentionDevice.Cuda(),
    };

    private static readonly AttentionMask Bias = AttentionMask.Of(AttentionMaskKind.Additive, 1, 1, 256, 256) with
    {
        DType = AttentionDType.Float16,
    };

    private static readonly Machine NewCuDnn = Machines.H200 with { Cuda = new CudaInfo("13.0", "12.8") { CuDnn = "9.16.0" } };

    public static TheoryData<string, string, string> Cases() =>
        new()
        {
            // backend, what departs from the plain problem, codes of its reasons / codes of its repairs
            { "torch-efficient", "plain", "/" },
            { "torch-efficient", "f32", "/" },
            { "torch-efficient", "f64", "ATT0303/" },
            { "torch-efficient", "head dim 512", "/" },
            { "torch-efficient", "head dim 33", "/ATT0305" },
            { "torch-efficient", "value dim 40", "/" },
            { "torch-efficient", "grouped", "/ATT0306" },
            { "torch-efficient", "rank 3", "/ATT0307" },
            { "torch-efficient", "broadcast", "/ATT0308" },
            { "torch-efficient", "strided", "/ATT0309" },
            { "torch-efficient", "mask", "/" },
            { "torch-efficient", "boolean mask", "/ATT0311" },
            { "torch-efficient", "strided mask", "/ATT0310" },
            { "torch-efficient", "mask of one column", "/ATT0312" },
            { "torch-efficient", "50 keys with mask", "/ATT0312" },
            { "torch-efficient", "no keys", "ATT0313/" },
            { "torch-efficient", "mask with causal", "/ATT0314" },
            { "torch-efficient", "window", "/ATT0315" },
            { "torch-efficient", "softcap", "ATT0316/" },
            { "torch-efficient", "65536 sequences", "/ATT0317" },
            { "torch-efficient", "batch 0", "ATT0320/" },
            { "torch-efficient", "deterministic training", "ATT0321/" },
            { "torch-efficient", "causal 65537 long", "ATT0604/" },
            { "torch-efficient", "65537 long", "/" },
            { "torch-cudnn", "plain", "/" },
            { "torch-cudnn", "f32", "ATT0505/" },
            { "torch-cudnn", "head dim 256", "/" },
            { "torch-cudnn", "head dim 512", "ATT0506/" },
            { "torch-cudnn", "head dim 33", "/ATT0507" },
            { "torch-cudnn", "grouped", "/" },
            { "torch-cudnn", "rank 3", "/ATT0508" },
            { "torch-cudnn", "broadcast", "/ATT0509" },
            { "torch-cudnn", "strided", "/ATT0510" },
            { "torch-cudnn", "mask", "/" },
            { "torch-cudnn", "boolean mask", "/ATT0523" },
            { "torch-cudnn", "strided mask", "/ATT0513" },
            { "torch-cudnn", "mask with gradient", "ATT0512/" },
            { "torch-cudnn", "mask of one column", "/ATT0524" },
            { "torch-cudnn", "no keys", "ATT0514/" },
            { "torch-cudnn", "one key", "ATT0515/" },
            { "torch-cudnn", "one query with dropout", "ATT0516/" },
            { "torch-cudnn", "mask with causal", "/ATT0517" },
            { "torch-cudnn", "window", "/ATT0518" },
            { "torch-cudnn", "softcap", "ATT0519/" },
            { "torch-cudnn", "65536 sequences", "/ATT0520" },
            { "torch-cudnn", "deterministic", "ATT0521/" },
            { "torch-cudnn", "batch 0", "ATT0522/" },
            { "torch-flash", "deterministic training", "ATT0812/" },
            { "torch-flash", "grouped", "/" },
            { "torch-flash", "mask", "ATT0804/" },
        };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Rules_OneDeparture_IsRefusedOrRepairedByItsCode(string backend, string departure, string codes)
    {
        Verdict verdict = Judge(backend, With(departure), NewCuDnn);
        Assert.Equal(codes, $"{Codes(verdict.Reasons)}/{Codes(verdict.Repairs)}");
        Assert.Equal(codes[0] == '/', verdict.Runs);
    }

    [Fact]
    public void CpuProblems_KernelsForCudaOnly_SayThatFirst()
    {
        foreach (string backend in new[] { "torch-efficient", "torch-cudnn" })
        {
            Reason reason = Assert.Single(Judge(backend, AttentionProblem.Of(1, 1, 8, 8, 8), Machines.CpuOnly).Reasons);
            Assert.Equal(("device cpu", "device cuda"), (reason.Found, reason.Required));
        }
    }

    [Theory]
    [InlineData("Tesla T4", "7.5", AttentionDType.BFloat16, "ATT0304")]
    [InlineData("Tesla T4", "7.5", AttentionDType.Float16, "")]
    [InlineData("Tesla T4", "7.5", AttentionDType.Float32, "")]
    [InlineData("Tesla V100", "7.0", AttentionDType.Float32, "")]
    [InlineData("NVIDIA A10", "8.6", AttentionDType.BFloat16, "")]
    public void Efficient_ElementTypes_DependOnTheGpu(string gpu, string capability, AttentionDType dtype, string codes) =>
        Assert.Equal(codes, Codes(Judge("torch-efficient", Plain with { DType = dtype }, Machines.Gpu(gpu, capability, 16)).Reasons));

    [Theory]
    [InlineData("7.5", AttentionDType.Float32, 33, "")] // no alignment for float32 before Ampere
    [InlineData("7.5", AttentionDType.Float16, 36, "ATT0305")]
    [InlineData("8.6", AttentionDType.Float32, 36, "")]
    [InlineData("8.6", AttentionDType.Float32, 33, "ATT0305")]
    public void Efficient_HeadDimMultiples_DependOnGpuAndType(string capability, AttentionDType dtype, int dim, string codes)
    {
        AttentionProblem problem = Plain with { DType = dtype, HeadDim = dim, ValueDim = dim };
        Assert.Equal(codes, Codes(Judge("torch-efficient", problem, Machines.Gpu("a GPU", capability, 16)).Repairs));
    }

    [Theory]
    [InlineData("9.10.2", "9.0", 200, 200, 0, "ATT0601")] // cuDNN before 9.15.1, Lq no multiple of 128
    [InlineData("9.10.2", "9.0", 256, 256, 0, "")]
    [InlineData("9.15.1", "9.0", 200, 200, 0, "")]
    [InlineData("9.19.0", "10.0", 1, 256, 0, "ATT0602")] // decoding on B200
    [InlineData("9.16.0", "10.0", 1, 256, 0, "ATT0602")]
    [InlineData("9.19.0", "10.0", 2, 256, 0, "")]
    [InlineData("9.19.0", "9.0", 1, 256, 0, "")]
    [InlineData("9.11.0", "9.0", 256, 256, 0.1, "ATT0603")]
    [InlineData("9.13.1", "9.0", 256, 256, 0.1, "ATT0603")]
    [InlineData("9.14.0", "9.0", 256, 256, 0.1, "")]
    [InlineData("8.9.7", "9.0", 256, 256, 0, "ATT0501")]
    public void CuDnn_VersionsThatComputeWrongNumbers_AreRefused(
        string cuDnn,
        string capability,
        int lq,
        int lk,
        double dropout,
        string codes
    )
    {
        Machine machine = Machines.Gpu("a GPU", capability, 80) with { Cuda = new CudaInfo("13.0", "12.8") { CuDnn = cuDnn } };
        Assert.Equal(
            codes,
            Codes(Judge("torch-cudnn", Plain with { QueryLength = lq, KeyLength = lk, Dropout = dropout }, machine).Reasons)
        );
    }

    [Fact]
    public void CuDnn_UnknownVersion_IsNotTrusted()
    {
        Machine machine = NewCuDnn with { Cuda = null, LibTorch = new LibTorchInfo("2.10.0", "cuda", null, false, []) };
        Assert.Equal("ATT0502", Codes(Judge("torch-cudnn", Plain, machine).Reasons));
        // An official build's is known without being found.
        Assert.Equal("", Codes(Judge("torch-cudnn", Plain, Machines.H200).Reasons));
    }

    [Theory]
    [InlineData("9.16.0", "9.0", true)]
    [InlineData("9.15.1", "10.3", true)]
    [InlineData("9.15.0", "9.0", false)]
    [InlineData("9.16.0", "8.6", false)]
    [InlineData("9.16.0", "12.0", false)]
    public void Ranking_CuDnn_IsFirstWhereLibtorchPrefersIt(string cuDnn, string capability, bool first)
    {
        Machine machine = Machines.Gpu("a GPU", capability, 80) with { Cuda = new CudaInfo("13.0", "12.8") { CuDnn = cuDnn } };
        Plan plan = AttentionSelector.Select(Plain, new SelectionContext { Machine = machine }, 40L << 30);
        Assert.Equal(first ? "torch-cudnn" : "torch-flash", plan.Chosen);
        Assert.Equal(first ? "torch-flash" : "torch-efficient", plan.Order[0]);
        Assert.Equal(first ? "sliced" : "torch-cudnn", plan.Order[^1]);
    }

    [Fact]
    public void Ranking_LargeScoresOnGpu_SlicesBeforeTheStandardPath()
    {
        AttentionProblem softcapped = Plain with { Softcap = 30, QueryLength = 8192, KeyLength = 8192 };
        Assert.Equal("sliced", Chosen(softcapped));
        Assert.Equal("sliced", Chosen(softcapped with { QueryLength = 64 })); // torch-math has no softcap at all
        AttentionProblem wide = Plain with { DType = AttentionDType.Float64, QueryLength = 8192, KeyLength = 8192 };
        Assert.Equal("sliced", Chosen(wide));
        Assert.Equal("torch-math", Chosen(wide with { QueryLength = 64 }));

        static string? Chosen(AttentionProblem problem) =>
            AttentionSelector.Select(problem, new SelectionContext { Machine = Machines.H200 }, 100L << 30).Chosen;
    }

    [Fact]
    public void Flash_WindowsBuildWithout_SaysSoAndEfficientRuns()
    {
        Machine windows = Machines.Gpu("NVIDIA GeForce RTX 4090", "8.9", 24) with
        {
            Os = "windows 11",
            LibTorch = LibTorchCatalog.Describe("2.5.1", "12.4", OsFamily.Windows).LibTorch,
        };
        Plan plan = AttentionSelector.Select(Plain, new SelectionContext { Machine = windows }, 20L << 30);
        Reason reason = Assert.Single(plan.VerdictOf("torch-flash")!.Reasons);
        Assert.Equal(("ATT0810", "libtorch 2.5.1 for Windows without FlashAttention"), (reason.Code, reason.Found));
        Assert.Equal("torch-efficient", plan.Chosen);
    }

    [Fact]
    public void Blackwell_LibtorchOfBefore_LacksCodeAndKernels()
    {
        Machine machine = Machines.Gpu("NVIDIA B200", "10.0", 180) with
        {
            LibTorch = LibTorchCatalog.Describe("2.5.1", "12.4", OsFamily.Linux).LibTorch,
        };
        Verdict flash = Judge("torch-flash", Plain, machine);
        Assert.Equal("ATT0104 ATT0803", Codes(flash.Reasons));
        Assert.EndsWith("libtorch 2.5.1 goes up to 9.0", flash.Reasons[1].Found, StringComparison.Ordinal);
    }

    [Fact]
    public void OtherMakersGpus_StandardPathAndSlicesRun()
    {
        Machine amd = Machines.H200 with
        {
            Gpus = [new GpuInfo("AMD Instinct MI300X", null, 192L << 30, null, null) { Maker = "amd" }],
            LibTorch = new LibTorchInfo("2.10.0", "rocm6.4", null, false, []),
            Cuda = null,
        };
        Plan onRocm = AttentionSelector.Select(Plain, new SelectionContext { Machine = amd }, 100L << 30);
        Assert.Equal(("torch-math", "sliced"), (onRocm.Chosen, onRocm.Order.Single()));
        Assert.Equal("ATT0109", Codes(onRocm.VerdictOf("torch-flash")!.Reasons));

        AttentionProblem onMps = Plain with { Device = new AttentionDevice(AttentionDeviceKind.Mps, 0) };
        var mac = new SelectionContext { Machine = Machines.CpuOnly with { Os = "macos 15" } };
        Assert.Equal("torch-math", AttentionSelector.Select(onMps, mac, 10L << 30).Chosen);
        Plan wide = AttentionSelector.Select(onMps with { DType = AttentionDType.Float64 }, mac, 10L << 30);
        Assert.Null(wide.Chosen);
        Assert.Contains(wide.VerdictOf("sliced")!.Reasons, reason => reason.Code == "ATT0108");
    }

    private static AttentionProblem With(string departure) =>
        departure switch
        {
            "plain" => Plain,
            "f32" => Plain with { DType = AttentionDType.Float32 },
            "f64" => Plain with { DType = AttentionDType.Float64 },
            "head dim 33" => Plain with { HeadDim = 33, ValueDim = 33 },
            "head dim 256" => Plain with { HeadDim = 256, ValueDim = 256 },
            "head dim 512" => Plain with { HeadDim = 512, ValueDim = 512 },
            "value dim 40" => Plain with { ValueDim = 40 },
            "grouped" => Plain with { KvHeadCount = 2 },
            "rank 3" => Plain with { Rank = 3, Batch = 1 },
            "broadcast" => Plain with { BroadcastsBatch = true },
            "strided" => Plain with { Strided = AttentionOperands.Key },
            "mask" => Plain with { Mask = Bias },
            "boolean mask" => Plain with { Mask = Bias with { Kind = AttentionMaskKind.Boolean } },
            "strided mask" => Plain with { Mask = Bias with { IsStrided = true } },
            "mask with gradient" => Plain with { Mask = Bias with { NeedsGradient = true } },
            "mask of one column" => Plain with { Mask = Bias with { Columns = 1 } },
            "50 keys with mask" => Plain with { KeyLength = 50, Mask = Bias with { Columns = 50 } },
            "mask with causal" => Plain with { Mask = Bias, IsCausal = true },
            "window" => Plain with { LeftWindow = 16 },
            "softcap" => Plain with { Softcap = 30 },
            "no keys" => Plain with { KeyLength = 0 },
            "one key" => Plain with { KeyLength = 1 },
            "one query with dropout" => Plain with { QueryLength = 1, Dropout = 0.1 },
            "65536 sequences" => Plain with { Batch = 8192 },
            "batch 0" => Plain with { Batch = 0 },
            "deterministic" => Plain with { NeedsDeterminism = true },
            "deterministic training" => Plain with { NeedsDeterminism = true, NeedsGradient = true },
            "65537 long" => Plain with { QueryLength = 65_537, KeyLength = 65_537 },
            "causal 65537 long" => Plain with { QueryLength = 65_537, KeyLength = 65_537, IsCausal = true },
            _ => throw new ArgumentException(departure),
        };

    private static Verdict Judge(string backend, AttentionProblem problem, Machine machine) =>
        AttentionSelector.Select(problem, new SelectionContext { Machine = machine }, 100L << 30).VerdictOf(backend)!;

    private static string Codes(IReadOnlyList<Reason> reasons) => string.Join(' ', reasons.Select(reason => reason.Code).Order());
}
