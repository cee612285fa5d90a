using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Workloads;
using LatentSync.Cli.Display;
using LatentSync.Lab.Verification;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>The answers of `attention verify`: a table that grows layer by layer, or JSON at the end. Progress goes to standard
/// error.</summary>
internal sealed class VerificationDisplay(VerificationSetup setup, IReadOnlyDictionary<AttentionDType, double> peaks)
{
    private bool IsOnCpu => setup.Options.Device.Kind == AttentionDeviceKind.Cpu;

    private string Legend =>
        $"""
        * the backend that the selection takes
        {(setup.Options.IsTraining ? "the backward pass alone: the gradients of query, key and value; the forward pass before it is not timed" : "the forward pass")}
        GFLOP/s    {(setup.Options.IsTraining ? "2·B·H·Lq·Lk·(3·D+2·Dv) per second, whatever the backend kept" : "2·B·H·Lq·Lk·(D+Dv) per second")}, half of it when causal
        %          {(IsOnCpu ? "of this machine's multiply-add peak, measured with all threads in turns with the backends, median by median (f32's for 16 bits)" : "of libtorch's 1024x1024x1024 matrix product")}
        x best     time by that of the fastest right backend of this layer; times are medians, taken in turns
        x other    time of the best other right backend by this one's: above 1 this one is faster
        error      {(setup.Options.IsTraining
            ? "largest relative error of a gradient's row against float64 (bound: four times the result's, 3.1e-5 for f32)"
            : "largest relative error of a row against float64 (bound: 7.6e-6 for f32, more from 4096 keys on, 2.0e-3 for f16, 1.6e-2 for bf16)")}
        checked    part of the rows that was compared with float64; always with the first and the last head and query
        memory     beside the operands, at the peak of one call; of the plan's estimate after the slash; - is unknown
        """;

    /// <summary>Verifies, telling how far it is.</summary>
    public List<LayerVerification> Run(bool writesTable, CancellationToken cancellationToken)
    {
        List<LayerVerification> layers = [];
        var all = setup.Verifier.Layers;
        int width = all.Max(entry => entry.Layer.Name.Length),
            backendWidth = setup.Options.Backends.Max(backend => backend.Name.Length) + 1;
        if (writesTable)
        {
            WriteHead();
        }
        Verdict[] everywhere = writesTable ? [.. setup.Verifier.RefusedEverywhere()] : [];
        string? group = null;
        foreach (LayerVerification layer in Tell(all.Count, cancellationToken))
        {
            layers.Add(layer);
            if (writesTable)
            {
                string title = $"{layer.Workload.Name}, {layer.Problem.DType.LongName()}{(setup.Options.IsTraining ? ", backward" : "")}";
                if (title != group)
                {
                    group = title;
                    Console.Out.WriteLine();
                    Console.Out.WriteLine(title);
                    Console.Out.WriteLine(
                        $"  {"layer".PadRight(width)}  {"shape b,h,lq,lk,d", -22}  {"backend".PadRight(backendWidth)} {"ms", 10} {"GFLOP/s", 8} {"%", 4} {"x best", 7} {"x other", 7} {"error", 8} {"checked", 8}  memory MiB"
                    );
                }
                Write(layer, everywhere, width, backendWidth);
            }
        }
        if (writesTable)
        {
            WriteRefusals(everywhere, backendWidth);
            WritePeaks(layers);
            WriteSummary(layers, backendWidth);
        }
        return layers;
    }

    /// <summary>The results in the form of the command line's contract.</summary>
    public void WriteJson(IReadOnlyList<LayerVerification> layers)
    {
        Machine machine = setup.Options.Machine;
        var answer = new
        {
            machine = new
            {
                os = machine.Os,
                cpu = machine.Cpu,
                memoryBytes = machine.MemoryBytes,
                gpus = machine.Gpus,
                cuda = machine.Cuda,
                libtorch = machine.LibTorch,
            },
            device = setup.Options.Device.ToString(),
            threads = setup.Threads,
            tuned = setup.Tuned.IsUsed,
            pass = setup.Options.IsTraining ? "backward" : "forward",
            matmulGflops = peaks.ToDictionary(peak => peak.Key.ShortName(), peak => peak.Value),
            fmaGflops = FmaPeaks(layers)
                .ToDictionary(peak => peak.DType.ShortName(), peak => new { median = peak.Median, best = peak.Best }),
            results = layers.SelectMany(layer => layer.Results.Select(result => Row(layer, result))),
            skipped = layers.SelectMany(layer =>
                layer.Skipped.Select(verdict => new
                {
                    workload = layer.Workload.Name,
                    layer = layer.Layer.Name,
                    shape = Shape(layer.Problem),
                    dtype = layer.Problem.DType.ShortName(),
                    backend = verdict.Backend,
                    reasons = verdict.Reasons,
                })
            ),
            summary = VerificationSummary.Of(layers),
        };
        Console.Out.WriteLine(JsonSerializer.Serialize(answer, JsonOutput.Options));
    }

    /// <summary>All workloads with their layers.</summary>
    public static void WriteList(IReadOnlyList<Workload> workloads, bool json)
    {
        if (json)
        {
            var answer = workloads.Select(workload => new
            {
                name = workload.Name,
                summary = workload.Summary,
                layers = workload.Layers.Select(layer => new
                {
                    name = layer.Name,
                    shape = Shape(layer.Problem),
                    isCausal = layer.Problem.IsCausal,
                    repeats = layer.Repeats,
                    unit = layer.Unit,
                }),
            });
            Console.Out.WriteLine(JsonSerializer.Serialize(answer, JsonOutput.Options));
            return;
        }
        foreach (Workload workload in workloads)
        {
            Console.Out.WriteLine($"{workload.Name}: {workload.Summary}");
            int width = workload.Layers.Max(layer => layer.Name.Length);
            foreach (WorkloadLayer layer in workload.Layers)
            {
                Console.Out.WriteLine(
                    Text($"  {layer.Name.PadRight(width)}  {layer.Repeats, 3} per {layer.Unit, -8} {layer.Problem.Describe()}")
                );
            }
            Console.Out.WriteLine();
        }
    }

    // Which layer is at work, for people who wait.
    private IEnumerable<LayerVerification> Tell(int count, CancellationToken cancellationToken)
    {
        using IEnumerator<LayerVerification> layers = setup.Verifier.Run(cancellationToken).GetEnumerator();
        var all = setup.Verifier.Layers;
        for (int i = 0; ; i++)
        {
            if (i < count)
            {
                Console.Error.WriteLine(
                    Text($"verifying {i + 1}/{count}: {all[i].Workload.Name} {all[i].Layer.Name} {all[i].Problem.DType.ShortName()}")
                );
            }
            if (!layers.MoveNext())
            {
                yield break;
            }
            yield return layers.Current;
        }
    }

    private void WriteHead()
    {
        Machine machine = setup.Options.Machine;
        Console.Out.WriteLine(
            $"{machine.Cpu.Name}, libtorch {machine.LibTorch?.Version} ({machine.LibTorch?.Flavor}), {setup.Options.Device}, {setup.Threads} threads"
        );
        Console.Out.WriteLine(
            "matrix product: " + string.Join(", ", peaks.Select(peak => Text($"{peak.Value:0} GFLOP/s {peak.Key.ShortName()}")))
        );
        Console.Out.WriteLine(setup.Tuned.Describe());
        Console.Out.WriteLine();
        WrappedText.Write(Legend, hang: 11);
    }

    private void Write(LayerVerification layer, Verdict[] everywhere, int width, int backendWidth)
    {
        AttentionProblem p = layer.Problem;
        string shape = Text(
            $"{p.Batch},{p.HeadCount}{(p.IsGrouped ? Text($"/{p.KvHeadCount}") : "")},{p.QueryLength},{p.KeyLength},{p.HeadDim}{(p.ValueDim != p.HeadDim ? Text($"/{p.ValueDim}") : "")}"
        );
        string name = layer.Layer.Name;
        foreach (VerificationResult r in layer.Results)
        {
            string backend = (r.IsChosen ? "*" : " ") + r.Backend;
            string figures = r.Milliseconds is { } ms
                ? Text(
                    $"{ms, 10:0.000} {r.Gflops, 8:0.0} {100 * (IsOnCpu ? r.PeakFraction : r.Gflops / peaks[p.DType]), 4:0} {r.RatioToBest, 7:0.00} {layer.SpeedOverBestOther(r.Backend), 7:0.00}"
                )
                : new string(' ', 40);
            string memory = (r.PeakBytes is { } peak ? Text($"{peak / 1048576.0:0}") : "-") + Text($"/{r.EstimatedBytes / 1048576.0:0}");
            string error = r.RelativeError is { } e ? e.ToString("0.0e+0", CultureInfo.InvariantCulture) : "-";
            Console.Out.WriteLine(
                Text(
                    $"  {name.PadRight(width)}  {shape, -22} {backend.PadRight(backendWidth)} {figures} {error, 8} {100.0 * r.CheckedRows / Math.Max(r.Rows, 1), 7:0.#}%  {memory}{(r.Passed ? "" : "  WRONG: " + r.Failure)}"
                )
            );
            name = shape = string.Empty;
        }
        foreach (Verdict skipped in layer.Skipped.Where(verdict => everywhere.All(other => other.Backend != verdict.Backend)))
        {
            WrappedText.Write(
                $"  {name.PadRight(width)}  {shape, -22}  {skipped.Backend.PadRight(backendWidth - 1)} does not run: {Reasons(skipped)}",
                hang: 4
            );
            name = shape = string.Empty;
        }
        if (name.Length > 0)
        {
            Console.Out.WriteLine($"  {name.PadRight(width)}  {shape, -22}  no backend runs");
        }
    }

    // What is the same at every layer, once.
    private static void WriteRefusals(Verdict[] everywhere, int backendWidth)
    {
        if (everywhere.Length > 0)
        {
            Console.Out.WriteLine();
            Console.Out.WriteLine("at every layer");
        }
        foreach (Verdict refused in everywhere)
        {
            WrappedText.Write($"  {refused.Backend.PadRight(backendWidth)} does not run: {Reasons(refused)}", hang: 4);
        }
    }

    // The peak as it was during the measurements.
    private static void WritePeaks(IReadOnlyList<LayerVerification> layers)
    {
        foreach ((AttentionDType dtype, double median, double best) in FmaPeaks(layers))
        {
            Console.Out.WriteLine();
            Console.Out.WriteLine(
                Text($"multiply-add peak during the measurements, {dtype.ShortName()}: median {median:0} GFLOP/s, best {best:0}")
            );
        }
    }

    private static IEnumerable<(AttentionDType DType, double Median, double Best)> FmaPeaks(IReadOnlyList<LayerVerification> layers) =>
        from layer in layers
        where layer.FmaGflops is not null
        group layer by layer.Problem.DType into same
        select (
            same.Key,
            InterleavedTimer.Median([.. same.Select(layer => layer.FmaGflops!.Value)]),
            same.Max(layer => layer.BestFmaGflops!.Value)
        );

    private static string Reasons(Verdict refused) => string.Join("; ", refused.Reasons.Select(reason => $"{reason.Code} {reason.Found}"));

    private static void WriteSummary(IReadOnlyList<LayerVerification> layers, int backendWidth)
    {
        Console.Out.WriteLine();
        Console.Out.WriteLine("speed against the best other backend (x other), over the layers that both compute (above 1: faster)");
        foreach (VerificationSummary s in VerificationSummary.Of(layers))
        {
            string speed = s.GeometricMean is { } mean
                ? Text($"geometric mean {mean:0.00}x, least {s.Worst:0.00}x ({s.WorstLayer}), {s.Layers} layers")
                : "nothing to compare with";
            WrappedText.Write($"  {s.Backend.PadRight(backendWidth)} {speed}{(s.Wrong > 0 ? Text($", {s.Wrong} WRONG") : "")}", hang: 4);
        }
        int wrong = layers.Sum(layer => layer.Results.Count(result => !result.Passed)),
            right = layers.Sum(layer => layer.Results.Count) - wrong;
        Console.Out.WriteLine(Text($"{right} right, {wrong} wrong"));
    }

    private object Row(LayerVerification layer, VerificationResult result) =>
        new
        {
            workload = layer.Workload.Name,
            layer = layer.Layer.Name,
            shape = Shape(layer.Problem),
            isCausal = layer.Problem.IsCausal,
            dtype = layer.Problem.DType.ShortName(),
            backend = result.Backend,
            maxAbsError = result.MaxAbsError,
            relativeError = result.RelativeError,
            gradientErrors = result.GradientErrors is [var query, var key, var value]
                ? new
                {
                    query,
                    key,
                    value,
                }
                : null,
            tolerance = result.Tolerance,
            checkedRows = result.CheckedRows,
            rows = result.Rows,
            passed = result.Passed,
            failure = result.Failure,
            milliseconds = result.Milliseconds,
            rounds = result.Rounds,
            gflops = result.Gflops,
            matmulFraction = result.Gflops / peaks[layer.Problem.DType],
            fmaGflops = layer.FmaGflops,
            peakFraction = result.PeakFraction,
            ratioToBest = result.RatioToBest,
            speedOverBestOther = layer.SpeedOverBestOther(result.Backend),
            peakBytes = result.PeakBytes,
            estimatedBytes = result.EstimatedBytes,
            chosen = result.IsChosen,
        };

    private static object Shape(AttentionProblem p) =>
        new
        {
            b = p.Batch,
            h = p.HeadCount,
            lq = p.QueryLength,
            lk = p.KeyLength,
            d = p.HeadDim,
            dv = p.ValueDim,
            hkv = p.KvHeadCount,
        };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
