using System.Globalization;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Memory: what a call takes is at most what its plan said, and training leaves nothing behind.</summary>
public sealed class MemoryTests
{
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("torch-flash")]
    [InlineData("torch-math")]
    [InlineData("sliced")]
    public void Run_LargeProblems_PeakIsWithinTheEstimate(string backendName)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/proc/self/clear_refs"), "the peak is read from Linux's /proc");
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        foreach (ScalarType dtype in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            foreach (string variant in new[] { "plain", "mask", "causal and mask", "grouped", "permuted", "longer value" })
            {
                using var scope = NewDisposeScope();
                Tensor query = randn(1, 8, 1500, 40).to(dtype), key = randn(1, variant == "grouped" ? 2 : 8, 1500, 40).to(dtype);
                Tensor value = variant == "longer value" ? randn(1, 8, 1500, 120).to(dtype) : key;
                query = variant == "permuted" ? query.transpose(1, 2).contiguous().transpose(1, 2) : query;
                var arguments = new AttentionArguments
                {
                    Mask = variant.Contains("mask", StringComparison.Ordinal) ? rand(1500, 1500).gt(0.5) : null,
                    IsCausal = variant.Contains("causal", StringComparison.Ordinal),
                };
                Plan plan = dispatcher.Explain(AttentionDispatcher.Describe(query, key, value, arguments));
                dispatcher.Run(query, key, value, arguments).Dispose();

                File.WriteAllText("/proc/self/clear_refs", "5"); // the peak starts again from here
                long before = ReadStatus("VmRSS:");
                dispatcher.Run(query, key, value, arguments).Dispose();
                long peak = ReadStatus("VmHWM:") - before;

                Assert.True(peak <= plan.EstimatedBytes, $"{variant} {dtype}: took {peak >> 20} MiB, estimated {plan.EstimatedBytes >> 20} MiB");
            }
        }
    }

    [Theory]
    [InlineData("torch-flash")]
    [InlineData("torch-math")]
    [InlineData("sliced")]
    [InlineData("sliced in 4 KiB")]
    public void Backward_Repeated_LeavesNoTensorBehind(string backendName)
    {
        using var scope = NewDisposeScope();
        AttentionDispatcher dispatcher = TestDispatchers.Requiring(TestDispatchers.Create(backendName));
        Tensor query = randn(1, 2, 33, 8).requires_grad_(), key = randn(1, 2, 29, 8).requires_grad_(), mask = randn(33, 29);
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

    private static long ReadStatus(string name)
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
