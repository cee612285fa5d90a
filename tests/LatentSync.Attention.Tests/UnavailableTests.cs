using System.Text.Json;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Tests;

/// <summary>What a newcomer reads when nothing runs.</summary>
public sealed class UnavailableTests
{
    private static readonly AttentionProblem UNet = AttentionProblem.Of(16, 8, 4096, 4096, 40) with
    {
        DType = AttentionDType.Float16,
        Device = AttentionDevice.Cuda(),
    };

    /// <summary>A Pascal GPU with a libtorch that has no code for it: one cause, said once, and what to do.</summary>
    private static AttentionUnavailableException OnPascal() => Of(UNet, Machines.P100, Policy.Auto, null);

    [Fact]
    public void Message_OneCauseForAll_IsSaidOnceWithRemediesByEffort() =>
        Assert.Equal(
            """
            ATT0004 No attention backend that the policy allows can run this problem.
              asked: B 16, H 8, Lq 4096, Lk 4096, headDim 40, float16, cuda:0      policy: auto
              torch-flash does not run:
                ATT0104 libtorch must contain machine code for the GPU.
                  found: Tesla P100, compute capability 6.0; libtorch has code for 7.0 7.5 8.0 8.6 9.0 10.0 12.0      required: code for the GPU's compute capability
                ATT0803 torch-flash on CUDA needs an Ampere GPU or a newer one.
                  found: Tesla P100, compute capability 6.0      required: compute capability 8.0 to 12.1
              torch-efficient does not run:
                ATT0104 as above
              sliced does not run:
                ATT0104 as above
              torch-math does not run:
                ATT0104 as above
                ATT0105 The score matrix of torch-math must fit into the memory that is free.
                  found: needs 20.6 GiB, 8.0 GiB free      required: an estimate of at most 80 % of the free memory
              torch-cudnn does not run:
                ATT0104 as above
                ATT0504 torch-cudnn needs an Ampere GPU or a newer one.
                  found: Tesla P100, compute capability 6.0      required: compute capability 8.0 to 12.1
              managed-flash does not run:
                ATT0104 as above
                ATT0700 managed-flash computes on the CPU.
                  found: device cuda:0      required: device cpu
              what to do, the least effort first:
                1. use Device cpu
                2. a libtorch built for this GPU (cu126 for Maxwell and Pascal, cu128 up to libtorch 2.10 for Volta, cu128 since libtorch 2.7 for Blackwell)
                3. a smaller batch
                4. fewer frames at once
                5. a lower resolution
              more: "attention explain Shape=16,8,4096,4096,40 DType=f16 Device=cuda"
            """.ReplaceLineEndings(),
            OnPascal().Message
        );

    [Fact]
    public void Report_Chinese_SaysTheSame()
    {
        AttentionUnavailableReport english = OnPascal().ToReport(Language.English),
            chinese = OnPascal().ToReport(Language.Chinese);
        string text = chinese.ToText();
        WordingTests.AssertChinese("report", text);
        Assert.StartsWith("ATT0004 策略允许的注意力后端都无法计算这个问题。", text, StringComparison.Ordinal);
        Assert.Contains("1. 使用 Device cpu", text, StringComparison.Ordinal);
        Assert.Equal(english.ToText().Split('\n').Length, text.Split('\n').Length);
        Assert.Equal(
            english.Remedies.Select(remedy => (remedy.Effort, string.Join(' ', remedy.Codes))),
            chinese.Remedies.Select(remedy => (remedy.Effort, string.Join(' ', remedy.Codes)))
        );
    }

    [Fact]
    public void Message_RequiredBackend_OffersThePolicyFirst()
    {
        AttentionUnavailableException exception = Of(
            UNet with
            {
                DType = AttentionDType.Float32,
            },
            Machines.TeslaT4,
            Policy.Require("torch-flash"),
            "torch-efficient"
        );
        Assert.Equal("ATT0003", exception.Code);
        AttentionUnavailableReport report = exception.ToReport();
        Assert.Equal(
            ["let torch-efficient run instead: the policy \"auto\" or \"prefer torch-flash\"", "DType f16"],
            report.Remedies.Select(remedy => remedy.Text)
        );
        Assert.Equal(["torch-efficient", "sliced"], report.WouldRun);
        Assert.Contains("  would run if the policy let it: torch-efficient, sliced", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("ATT0002", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Message_NothingUnderAutoEither_SaysSo() =>
        Assert.Contains(
            "nothing would run under the policy \"auto\" either",
            Of(UNet, Machines.P100, Policy.Require("sliced"), null).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void Json_Report_HoldsEverythingTheTextSays()
    {
        using JsonDocument json = JsonDocument.Parse(OnPascal().ToJson(Language.English));
        JsonElement root = json.RootElement;
        Assert.Equal("ATT0004", root.GetProperty("code").GetString());
        Assert.Equal("float16", root.GetProperty("problem").GetProperty("dType").GetString());
        Assert.Equal(AttentionRules.Backends.Count, root.GetProperty("backends").GetArrayLength());
        JsonElement reason = root.GetProperty("backends")[0].GetProperty("reasons")[0];
        Assert.Equal(["code", "message", "found", "required", "remedy"], reason.EnumerateObject().Select(property => property.Name));
        Assert.Equal("option", root.GetProperty("remedies")[0].GetProperty("effort").GetString());
        Assert.Equal("ATT0104", root.GetProperty("remedies")[0].GetProperty("codes")[0].GetString());
        Assert.StartsWith("\"attention explain Shape=", root.GetProperty("explain").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Machine_Json_ComesBackEqual()
    {
        Machine machine = Machines.H200 with
        {
            Gpus = [Machines.H200.Gpus[0] with { Maker = "nvidia", MigProfile = "1g.18gb" }],
            Cuda = new CudaInfo("13.0", "12.8") { CuDnn = "9.10.2" },
            LibTorch = Machines.H200.LibTorch! with { HasFlashAttention = true, HasEfficientAttention = false },
        };
        string json = JsonSerializer.Serialize(machine);
        Machine back = JsonSerializer.Deserialize<Machine>(json)!;
        Assert.Equal(json, JsonSerializer.Serialize(back));
        Assert.Equal(
            (true, "9.10.2", false, OsFamily.Linux),
            (back.Gpus[0].IsMig, back.Cuda!.CuDnn, back.LibTorch!.HasEfficientAttention, back.OsFamily)
        );
    }

    private static AttentionUnavailableException Of(AttentionProblem problem, Machine machine, Policy policy, string? alternative) =>
        new(AttentionSelector.Select(problem, new SelectionContext { Machine = machine, Policy = policy }, 8L << 30), alternative);
}

public sealed class CurrentLanguageTests
{
    [Fact]
    public void Current_Chinese_ReasonsAndErrorsAreMadeInIt()
    {
        using IDisposable chinese = Audience.Use(Language.Chinese);
        AttentionProblem problem = AttentionProblem.Of(1, 1, 8, 8, 8) with { Dropout = 0.5, Device = AttentionDevice.Cuda() };
        Plan plan = AttentionSelector.Select(problem, new SelectionContext { Machine = Machines.CpuOnly }, null);
        Assert.Equal("问题所在的设备必须存在。", plan.VerdictOf("sliced")!.Reasons[0].Message);
        WordingTests.AssertChinese("message", new AttentionUnavailableException(plan, null).Message);
        using IDisposable english = Audience.Use(Language.English);
        // A plan that was kept speaks the language of the moment when it is told.
        Assert.StartsWith("ATT0004 No attention backend", new AttentionUnavailableException(plan, null).Message, StringComparison.Ordinal);
        Assert.Equal("The device of the problem must exist.", plan.VerdictOf("sliced")!.Reasons[0].In(Language.English).Message);
    }
}
