using System.Globalization;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Auditing;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Hosting;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Our rules against libtorch's own verdict, on random problems.</summary>
[Trait("Category", "Exhaustive")]
public sealed class RuleTableTests
{
    private const int Problems = 2000;

    [Fact]
    public void TorchFlashRules_RandomCpuProblems_AgreeWithLibtorch()
    {
        var options = new AuditOptions { Machine = TorchMachine.Describe(), Problems = Problems };

        AuditReport report = AttentionAudit.Run(options);

        Assert.True(report.Passed, AuditText.Render(report));
        Assert.Equal(Problems, report.Rules!.Equal);
        // The generator must not have missed a side.
        Assert.All(["Flash", "Math"], choice => Assert.InRange(report.Rules.Choices[choice], Problems / 5, Problems));
    }

    [Fact]
    public void EveryRunnableBackend_RandomCpuProblems_EqualsFloat64()
    {
        var problems = new RandomProblems(7, AttentionDevice.Cpu);
        for (int i = 0; i < 300; i++)
        {
            using var scope = NewDisposeScope();
            (Tensor query, Tensor key, Tensor value, AttentionArguments arguments) = problems.Draw();
            arguments = arguments with { Dropout = 0 };
            double error = 0, tolerance = query.dtype switch
            {
                ScalarType.Float64 => 1e-11,
                ScalarType.Float32 => 3e-5,
                ScalarType.Float16 => 1e-2,
                _ => 1e-1,
            };
            Tensor expected = ReferenceAttention.Compute(query, key, value, arguments);
            foreach (string name in TestDispatchers.Names)
            {
                AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(name));
                AttentionProblem problem = AttentionDispatcher.Describe(query, key, value, arguments);
                if (dispatcher.Explain(problem).Chosen is null)
                {
                    continue;
                }
                Tensor actual = dispatcher.Run(query, key, value, arguments).detach().to(float64);
                error = expected.numel() == 0 ? 0 : (expected.detach() - actual).abs().nan_to_num(double.PositiveInfinity).max().item<double>();
                Assert.True(error <= tolerance, string.Create(CultureInfo.InvariantCulture,
                    $"problem {i} of seed 7, {name}: error {error:E3}: {problem.Describe()}, mask {problem.Mask}, strided {problem.Strided}"));
            }
        }
    }
}
