using BenchmarkDotNet.Running;
using LatentSync.Benchmarks;

// "quick": a stopwatch in this process, seconds instead of minutes. Everything else goes to BenchmarkDotNet (--list flat, --filter "*Name*").
if (args is ["quick"])
{
    QuickDispatch.Print(Console.Out);
    return;
}
BenchmarkSwitcher.FromAssembly(typeof(DispatchBenchmarks).Assembly).Run(args);
