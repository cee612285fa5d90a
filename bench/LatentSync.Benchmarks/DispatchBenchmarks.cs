using BenchmarkDotNet.Attributes;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using static TorchSharp.torch;

namespace LatentSync.Benchmarks;

/// <summary>The cost of one dispatch. The goal is under a microsecond and no allocation once the plan is cached.</summary>
[MemoryDiagnoser]
public class DispatchBenchmarks
{
    private readonly DispatchSubject _subject = new();

    [Benchmark(Description = "loop, plan cached", Baseline = true)]
    public int CachedPlan() => _subject.CachedPlan();

    [Benchmark(Description = "dispatcher from tensors, plan cached")]
    public Tensor FromTensors() => _subject.FromTensors();

    [Benchmark(Description = "read the problem off tensors")]
    public AttentionProblem Describe() => _subject.Describe();

    [Benchmark(Description = "selection, nothing cached")]
    public Plan Selection() => _subject.Selection();

    [Benchmark(Description = "loop, problem not seen before")]
    public int UnknownProblem() => _subject.UnknownProblem();

    [GlobalCleanup]
    public void Cleanup() => _subject.Dispose();
}
