using BenchmarkDotNet.Running;
using LatentSync.Benchmarks;
using LatentSync.Benchmarks.Peers;

// "quick": a stopwatch in this process, seconds instead of minutes. "onnxruntime": managed-flash against libtorch and ONNX Runtime
// (--help). Everything else goes to BenchmarkDotNet (--list flat, --filter "*Name*").
switch (args)
{
    case ["quick"]:
        QuickDispatch.Print(Console.Out);
        return 0;
    case ["onnxruntime", .. var options]:
        return PeerProgram.Run(options, Console.Out, Console.Error);
    default:
        BenchmarkSwitcher.FromAssembly(typeof(DispatchBenchmarks).Assembly).Run(args);
        return 0;
}
