using System.Globalization;
using System.Text;
using System.Text.Json;
using static LatentSync.Lab.Records.RecordPage;

namespace LatentSync.Lab.Records;

/// <summary>Tables of the benchmarks' `onnxruntime --json`: managed-flash beside libtorch and ONNX Runtime, a row per layer, and the
/// decoding step.</summary>
internal static class PeerTables
{
    private static readonly string[] Engines = ["managed-flash", "torch-flash", "onnxruntime"];

    internal static void Append(StringBuilder page, JsonElement peers)
    {
        foreach (IGrouping<string, JsonElement> workload in Items(Get(peers, "results")).GroupBy(result => Text(result, "workload")))
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"\n## {workload.Key} beside libtorch and ONNX Runtime {Text(peers, "onnxRuntime")}\n\n"
            );
            page.Append(
                CultureInfo.InvariantCulture,
                $"GFLOP/s in one process, {Text(peers, "threads")} threads each, medians of turns. The ratios are times of libtorch, and of the better of both, by managed-flash's (above 1: managed-flash is faster); the share is of the machine's multiply-add peak in the same rounds.\n\n"
            );
            page.Append(
                "| layer | B,H,Lq,Lk,D | managed-flash | libtorch | ONNX Runtime | over libtorch | over the better | of the peak |\n|---|---|---|---|---|---|---|---|\n"
            );
            foreach (JsonElement row in workload)
            {
                string shape = string.Join(',', new[] { "b", "h", "lq", "lk", "d" }.Select(name => Text(Get(row, "shape"), name)));
                string speeds = string.Join(" | ", Engines.Select(engine => Format(Get(Get(row, "gflops"), engine), "0")));
                string wrong = Get(row, "passed").ValueKind == JsonValueKind.True ? "" : " `different`";
                page.Append(
                    CultureInfo.InvariantCulture,
                    $"| {Text(row, "layer")} | {shape} | {speeds} | {Format(Get(row, "speedOverTorchFlash"), "0.00")} | {Format(Get(row, "speedOverBest"), "0.00")} | {100 * Number(Get(row, "peakFraction")):0} %{wrong} |\n"
                );
            }
            page.Append('\n');
            foreach (JsonElement line in Items(Get(peers, "summary")).Where(line => Text(line, "workload") == workload.Key))
            {
                string peer = Text(line, "peer") == "best" ? "the better of libtorch and ONNX Runtime" : "libtorch";
                page.Append(
                    CultureInfo.InvariantCulture,
                    $"- over {peer}: geometric mean {Format(Get(line, "geometricMean"), "0.00")}, least {Format(Get(line, "least"), "0.00")} ({Text(line, "leastLayer")}), {Text(line, "layers")} layers\n"
                );
            }
        }
        if (Get(peers, "decode") is { ValueKind: JsonValueKind.Object } decode)
        {
            Decode(page, decode);
        }
    }

    private static void Decode(StringBuilder page, JsonElement decode)
    {
        JsonElement shape = Get(decode, "shape"),
            seconds = Get(decode, "milliseconds"),
            speed = Get(decode, "bytesPerSecond");
        page.Append("\n## One new token\n\n");
        page.Append(
            CultureInfo.InvariantCulture,
            $"{Text(shape, "h")} heads of {Text(shape, "d")}, {Text(shape, "lk")} keys, {Text(decode, "dtype")}: {Number(Get(decode, "keyValueBytes")) / 1e6:0} MB of keys and values, each read once. The copy reads and writes as many bytes, with as many threads.\n\n"
        );
        page.Append("| | ms | GB/s | |\n|---|---|---|---|\n");
        foreach (string engine in Engines.Append("copy").Where(engine => Get(seconds, engine).ValueKind == JsonValueKind.Number))
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"| {engine} | {Format(Get(seconds, engine), "0.00")} | {Number(Get(speed, engine)) / 1e9:0.0} | {100 * Number(Get(Get(decode, "copyFraction"), engine)):0} % of the copy |\n"
            );
        }
    }

    private static string Format(JsonElement number, string format) => Number(number).ToString(format, CultureInfo.InvariantCulture);
}
