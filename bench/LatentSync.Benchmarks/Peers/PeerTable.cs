using System.Globalization;
using LatentSync.Attention.Problems;
using LatentSync.Lab.Verification;

namespace LatentSync.Benchmarks.Peers;

/// <summary>The results as a table that grows layer by layer.</summary>
internal sealed class PeerTable
{
    private const string Legend = """
        float32; times are medians of turns in one process, each engine with the same operands and as many threads
        ours, torch, onnx   GFLOP/s of managed-flash, libtorch's flash kernel, ONNX Runtime's MultiHeadAttention: 2·B·H·Lq·Lk·(D+Dv) per second
        x torch, x best     time of libtorch's, and of the better of both, by ours: above 1 ours is faster
        %                   ours of this machine's multiply-add peak in the same rounds, median by median
        differ              largest difference of an element between any two engines
        """;

    private readonly TextWriter _output;
    private readonly PeerReport _report;
    private readonly int _width;

    /// <summary>Writes the head.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="report">What is being measured.</param>
    /// <param name="width">Longest name of a layer.</param>
    internal PeerTable(TextWriter output, PeerReport report, int width)
    {
        (_output, _report, _width) = (output, report, width);
        Write(
            $"{report.Machine.Cpu.Name}, libtorch {report.Machine.LibTorch?.Version}, ONNX Runtime {OnnxRuntimeAttention.Version}, {report.Threads} threads"
        );
        _output.WriteLine(Legend);
    }

    /// <summary>A line, after a heading where a workload begins.</summary>
    internal void WriteLayer(PeerResult r)
    {
        if (_report.Results.Count(result => result.Workload == r.Workload) == 1)
        {
            _output.WriteLine();
            _output.WriteLine(r.Workload.Name);
            Write(
                $"  {"layer".PadRight(_width)}  {"shape b,h,lq,lk,d", -20} {"ours", 7} {"torch", 7} {"onnx", 7} {"x torch", 8} {"x best", 7} {"%", 4} {"differ", 8} {"rounds", 6}"
            );
        }
        AttentionProblem p = r.Problem;
        string shape = string.Create(CultureInfo.InvariantCulture, $"{p.Batch},{p.HeadCount},{p.QueryLength},{p.KeyLength},{p.HeadDim}");
        Write(
            $"  {r.Layer.Name.PadRight(_width)}  {shape, -20} {r.Gflops(PeerComparison.Ours), 7:0.0} {r.Gflops(PeerComparison.Torch), 7:0.0} {r.Gflops(PeerComparison.OnnxRuntime), 7:0.0} {r.SpeedOver(PeerComparison.Torch), 8:0.00} {r.SpeedOver(PeerComparison.Peers), 7:0.00} {100 * r.PeakFraction, 4:0} {r.MaxAbsDifference, 8:0.0e+0} {r.Rounds, 6}{(r.Passed ? "" : "  DIFFERENT")}"
        );
    }

    /// <summary>The decoding step, the peak, and what it comes to.</summary>
    internal void WriteEnd()
    {
        _output.WriteLine();
        Write(
            $"multiply-add peak during the measurements: median {InterleavedTimer.Median([.. _report.Results.Select(result => result.FmaGflops)]):0} GFLOP/s, best {_report.Results.Max(result => result.BestFmaGflops):0}"
        );
        if (_report.Decode is { } decode)
        {
            _output.WriteLine();
            Write(
                $"one new token over {decode.Problem.KeyLength} keys ({decode.Problem.HeadCount} heads of {decode.Problem.HeadDim}, float32): {decode.KeyValueBytes / 1e6:0} MB of keys and values, each read once"
            );
            foreach (string engine in (string[])[PeerComparison.Ours, PeerComparison.Torch])
            {
                Write(
                    $"  {engine, -14} {decode.Seconds[engine] * 1e3, 8:0.00} ms, {decode.BytesPerSecond(engine) / 1e9, 6:0.0} GB/s, {100 * decode.CopyFraction(engine), 4:0} % of the copy"
                );
            }
            Write(
                $"  {DecodeResult.Copy, -14} {decode.Seconds[DecodeResult.Copy] * 1e3, 8:0.00} ms, {decode.BytesPerSecond(DecodeResult.Copy) / 1e9, 6:0.0} GB/s read and written, of as many bytes{(decode.Passed ? "" : "  DIFFERENT")}"
            );
        }
        _output.WriteLine();
        foreach (PeerSummary s in PeerSummary.Of(_report.Results))
        {
            string peer = s.Peer == PeerComparison.Torch ? "libtorch" : "the better of libtorch and ONNX Runtime";
            Write(
                $"{s.Workload}, over {peer}: geometric mean {s.GeometricMean:0.00}x, least {s.Least:0.00}x ({s.LeastLayer}), {s.Layers} layers"
            );
        }
    }

    private void Write(FormattableString line) => _output.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
