using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Tests;

/// <summary>The loop without tensors: backends are functions that give their name or throw.</summary>
public sealed class FallbackLoopTests
{
    private static readonly AttentionProblem Problem = AttentionProblem.Of(1, 8, 1024, 1024, 40);

    [Fact]
    public void Run_SpanOperands_ReachTheBackend()
    {
        var loop = new FallbackLoop<ReadOnlySpan<float>, float>(new FallbackLoopOptions { Machine = Machines.CpuOnly }, [new SumRunner()]);
        Assert.Equal(6f, loop.Run(Problem, [1f, 2f, 3f]));
    }

    [Fact]
    public void Run_BackendsOfThisProcessOnly_ArePlanned()
    {
        FallbackLoop<int, string> loop = Loop(new FallbackLoopOptions { Machine = Machines.CpuOnly }, ("sliced", null));
        Assert.Equal("sliced", loop.Run(Problem, 0));
        Assert.Contains(loop.Explain(Problem).VerdictOf("torch-flash")!.Reasons, reason => reason.Code == "ATT0107");
    }

    [Fact]
    public void Run_AllFail_ThrowsWithEveryFailure()
    {
        FallbackLoop<int, string> loop = Loop(
            new FallbackLoopOptions { Machine = Machines.CpuOnly },
            ("torch-flash", () => new DllNotFoundException("libtorch_cpu.so")),
            ("torch-math", () => new OutOfMemoryException("first")),
            ("sliced", () => new OutOfMemoryException("last"))
        );

        var exception = Assert.Throws<AttentionUnavailableException>(() => loop.Run(Problem, 0));

        Assert.Equal("ATT0004", exception.Code);
        Assert.Equal("first", exception.InnerException!.Message); // tried once more, after sliced, which takes less
        Assert.Equal(
            ["ATT0905", "ATT0903", "ATT0903"],
            exception
                .Verdicts.SelectMany(verdict => verdict.Reasons)
                .Select(reason => reason.Code)
                .Where(code => code.StartsWith("ATT09", StringComparison.Ordinal))
        );
        Assert.Null(exception.Alternative);
    }

    [Fact]
    public void Run_OutOfMemory_SkipsWhatTakesMore()
    {
        // torch-flash takes less than torch-math; when it runs out of memory, torch-math is not even tried.
        int mathCalls = 0;
        FallbackLoop<int, string> loop = Loop(
            new FallbackLoopOptions { Machine = Machines.CpuOnly },
            ("torch-flash", () => new OutOfMemoryException()),
            (
                "torch-math",
                () =>
                {
                    mathCalls++;
                    return null;
                }
            ),
            ("sliced", null)
        );
        Assert.Equal("sliced", loop.Run(Problem, 0));
        Assert.Equal(0, mathCalls);
    }

    [Fact]
    public void Run_FreeMemoryShrinks_PlanFollows()
    {
        long free = 8L << 30;
        FallbackLoop<int, string> loop = Loop(
            new FallbackLoopOptions { Machine = Machines.CpuOnly, FreeMemory = _ => free },
            ("torch-math", null),
            ("sliced", null)
        );
        AttentionProblem large = Problem with { QueryLength = 4096, KeyLength = 4096 };
        Assert.Equal("torch-math", loop.Run(large, 0));
        free = 1L << 30;
        Assert.Equal("sliced", loop.Run(large, 0));
        Assert.Equal("torch-math", loop.Run(Problem with { QueryLength = 64 }, 0));
        free = 8L << 30;
        Assert.Equal("torch-math", loop.Run(large, 0));
    }

    [Fact]
    public void Run_Listener_HearsOfEachPlanOnceAndOfTheIncident()
    {
        var listener = new Listener();
        FallbackLoop<int, string> loop = Loop(
            new FallbackLoopOptions { Machine = Machines.CpuOnly, Listener = listener },
            ("torch-flash", () => new System.Runtime.InteropServices.ExternalException("No available kernel.")),
            ("torch-math", null)
        );
        loop.Run(Problem, 0, "vae.mid");
        loop.Run(Problem, 0, "vae.mid");
        loop.Run(Problem, 0, "vae.mid");
        Assert.Equal(["torch-flash vae.mid", "torch-math vae.mid"], listener.Plans); // the second after the quarantine
        Assert.Equal(
            "ATT0901 torch-flash failed on B 1, H 8, Lq 1024, Lk 1024, headDim 40, float32, cpu (vae.mid): No available kernel. torch-math runs instead. "
                + "Remedy: none needed, the next backend runs; or a newer libtorch, which may contain the kernel.",
            Assert.Single(listener.Incidents).ToString()
        );
    }

    [Fact]
    public void Run_Required_MessageHasFivePartsAndTheAlternative()
    {
        FallbackLoop<int, string> loop = Loop(
            new FallbackLoopOptions
            {
                Machine = Machines.A10,
                Policy = Policy.Require("torch-flash"),
                FreeMemory = _ => 20L << 30,
            },
            ("torch-flash", null),
            ("torch-math", null),
            ("sliced", null)
        );
        AttentionProblem vae = AttentionProblem.Of(2, 1, 1024, 1024, 512) with
        {
            DType = AttentionDType.Float16,
            Device = AttentionDevice.Cuda(),
        };

        var exception = Assert.Throws<AttentionUnavailableException>(() => loop.Run(vae, 0));

        Assert.Equal(
            """
            ATT0003 torch-flash cannot run this problem, and the policy requires it.
              asked: B 2, H 1, Lq 1024, Lk 1024, headDim 512, float16, cuda:0      policy: require torch-flash
              torch-flash does not run:
                ATT0801 torch-flash on CUDA handles head dims up to 256.
                  found: headDim 512      required: headDim <= 256 and valueDim <= 256
              torch-efficient does not run:
                ATT0107 torch-efficient is not part of this process.
                  found: no implementation registered      required: an implementation given to the dispatcher
              torch-cudnn does not run:
                ATT0506 torch-cudnn handles head dims up to 128 (up to 256 on compute capability 9.0 with cuDNN 9.10; 192 with values of 128 on 10.x with cuDNN 9.11 and libtorch 2.11).
                  found: headDim 512; here up to 128      required: headDim and valueDim <= 128
                ATT0107 as above
              managed-flash does not run:
                ATT0700 managed-flash computes on the CPU.
                  found: device cuda:0      required: device cpu
                ATT0107 as above
              would run if the policy let it: torch-math, sliced
              what to do, the least effort first:
                1. let torch-math run instead: the policy "auto" or "prefer torch-flash"
              more: "attention explain Shape=2,1,1024,1024,512 DType=f16 Device=cuda"
            """.ReplaceLineEndings(),
            exception.Message
        );
        Assert.Equal(vae, exception.Problem);
        Assert.Equal("torch-math", exception.Alternative);
    }

    [Fact]
    public void Run_MeaninglessProblem_IsAnArgumentException() =>
        Assert.Throws<ArgumentException>(() =>
            Loop(new FallbackLoopOptions { Machine = Machines.CpuOnly }, ("sliced", null)).Run(Problem with { KvHeadCount = 3 }, 0)
        );

    private static FallbackLoop<int, string> Loop(FallbackLoopOptions options, params (string Name, Func<Exception?>? Script)[] runners) =>
        new(options, runners.Select(runner => new NameRunner(runner.Name, runner.Script)));

    private sealed class NameRunner(string name, Func<Exception?>? script) : IAttentionRunner<int, string>
    {
        public string Name => name;

        public string Run(in AttentionProblem problem, int inputs) => script?.Invoke() is { } exception ? throw exception : name;
    }

    private sealed class SumRunner : IAttentionRunner<ReadOnlySpan<float>, float>
    {
        public string Name => AttentionBackendNames.Sliced;

        public float Run(in AttentionProblem problem, ReadOnlySpan<float> inputs)
        {
            float sum = 0;
            foreach (float input in inputs)
            {
                sum += input;
            }
            return sum;
        }
    }

    private sealed class Listener : IAttentionListener
    {
        public List<AttentionIncident> Incidents { get; } = [];

        public List<string> Plans { get; } = [];

        public void OnIncident(AttentionIncident incident) => Incidents.Add(incident);

        public void OnPlanned(Plan plan, string? layer) => Plans.Add($"{plan.Chosen} {layer}");
    }
}
