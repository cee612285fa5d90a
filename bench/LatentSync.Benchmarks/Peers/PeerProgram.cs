using LatentSync.Attention.Machines;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Workloads;
using LatentSync.Platform.Machines;
using static TorchSharp.torch;

namespace LatentSync.Benchmarks.Peers;

/// <summary>`onnxruntime`.</summary>
internal static class PeerProgram
{
    /// <summary>Runs it.</summary>
    /// <param name="arguments">What follows the word.</param>
    /// <param name="output">For the results.</param>
    /// <param name="progress">For people who wait, and for errors.</param>
    /// <returns>Exit code: 0; 1 when the engines disagree; 2 for wrong arguments.</returns>
    internal static int Run(IReadOnlyList<string> arguments, TextWriter output, TextWriter progress)
    {
        if (arguments is ["--help"] or ["-h"])
        {
            output.WriteLine(PeerOptions.Help);
            return 0;
        }
        PeerOptions options;
        try
        {
            options = PeerOptions.Parse(arguments);
        }
        catch (FormatException exception)
        {
            progress.WriteLine(exception.Message);
            progress.WriteLine(PeerOptions.Help);
            return 2;
        }
        Machine machine = new MachineExaminer().Examine().Machine;
        TorchRuntime.EnsureLoaded();
        int threads = options.Threads ?? get_num_threads();
        TorchRuntime.UseThreads(threads);
        PeerComparison comparison = new(threads, options.Repeats, options.Budget);
        PeerReport report = new(machine, threads);
        PeerTable? table = options.IsJson ? null : new PeerTable(output, report, options.Layers.Max(entry => entry.Layer.Name.Length));
        foreach ((Workload workload, WorkloadLayer layer) in options.Layers)
        {
            progress.WriteLine($"comparing {report.Results.Count + 1}/{options.Layers.Count}: {workload.Name} {layer.Name}");
            report.Results.Add(comparison.Compare(workload, layer, CancellationToken.None));
            table?.WriteLayer(report.Results[^1]);
        }
        if (options.HasDecode)
        {
            progress.WriteLine("comparing: one new token over 4096 keys");
            report.Decode = comparison.Decode(CancellationToken.None);
        }
        table?.WriteEnd();
        if (options.IsJson)
        {
            output.WriteLine(report.ToJson());
        }
        return report.Passed ? 0 : 1;
    }
}
