using System.Text.Json;
using System.Text.Json.Serialization;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;

namespace LatentSync.Benchmarks.Peers;

/// <summary>Everything that was measured, and its JSON.</summary>
/// <param name="machine">Where.</param>
/// <param name="threads">Threads of each engine.</param>
internal sealed class PeerReport(Machine machine, int threads)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>Where.</summary>
    internal Machine Machine => machine;

    /// <summary>Threads of each engine.</summary>
    internal int Threads => threads;

    /// <summary>The layers.</summary>
    internal List<PeerResult> Results { get; } = [];

    /// <summary>The decoding step; null when it was left out.</summary>
    internal DecodeResult? Decode { get; set; }

    /// <summary>The engines agree everywhere.</summary>
    internal bool Passed => Results.All(result => result.Passed) && Decode is not { Passed: false };

    /// <summary>The JSON; ratios are above 1 where ours is faster.</summary>
    internal string ToJson() =>
        JsonSerializer.Serialize(
            new
            {
                machine = new
                {
                    os = machine.Os,
                    cpu = machine.Cpu,
                    memoryBytes = machine.MemoryBytes,
                    libtorch = machine.LibTorch,
                },
                onnxRuntime = OnnxRuntimeAttention.Version,
                threads,
                results = Results.Select(result => new
                {
                    workload = result.Workload.Name,
                    layer = result.Layer.Name,
                    shape = Shape(result.Problem),
                    dtype = result.Problem.DType.ShortName(),
                    milliseconds = result.Seconds.ToDictionary(entry => entry.Key, entry => entry.Value * 1e3),
                    gflops = result.Seconds.ToDictionary(entry => entry.Key, entry => result.Gflops(entry.Key)),
                    rounds = result.Rounds,
                    speedOverTorchFlash = result.SpeedOver(PeerComparison.Torch),
                    speedOverBest = result.SpeedOver(PeerComparison.Peers),
                    fmaGflops = result.FmaGflops,
                    bestFmaGflops = result.BestFmaGflops,
                    peakFraction = result.PeakFraction,
                    maxAbsDifference = double.IsFinite(result.MaxAbsDifference) ? result.MaxAbsDifference : (double?)null,
                    passed = result.Passed,
                }),
                summary = PeerSummary.Of(Results),
                decode = Decode is not { } decode
                    ? null
                    : new
                    {
                        shape = Shape(decode.Problem),
                        dtype = decode.Problem.DType.ShortName(),
                        keyValueBytes = decode.KeyValueBytes,
                        milliseconds = decode.Seconds.ToDictionary(entry => entry.Key, entry => entry.Value * 1e3),
                        bytesPerSecond = decode.Seconds.ToDictionary(entry => entry.Key, entry => decode.BytesPerSecond(entry.Key)),
                        copyFraction = decode.Seconds.ToDictionary(entry => entry.Key, entry => decode.CopyFraction(entry.Key)),
                        speedOverTorchFlash = decode.Seconds[PeerComparison.Torch] / decode.Seconds[PeerComparison.Ours],
                        rounds = decode.Rounds,
                        maxAbsDifference = double.IsFinite(decode.MaxAbsDifference) ? decode.MaxAbsDifference : (double?)null,
                        passed = decode.Passed,
                    },
            },
            Json
        );

    private static object Shape(in AttentionProblem p) =>
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
}
