using System.Globalization;
using System.Text;
using System.Text.Json;
using static LatentSync.Lab.Records.RecordPage;

namespace LatentSync.Lab.Records;

/// <summary>Tables of `attention verify --json`: per workload one of times, a row per layer and element type and a column per backend, one
/// of the largest errors, and what the times come to.</summary>
internal static class VerifyTables
{
    private sealed record Result(
        string Workload,
        string Layer,
        string Shape,
        string DType,
        string Backend,
        double Milliseconds,
        double PeakFraction,
        double Error,
        bool Passed,
        bool Chosen
    );

    internal static void Append(StringBuilder page, JsonElement verify)
    {
        bool isBackward = Text(verify, "pass") == "backward";
        Result[] all = [.. Items(Get(verify, "results")).Select(Read)];
        bool hasPeak = all.Any(result => result.PeakFraction > 0);
        foreach (IGrouping<string, Result> workload in all.GroupBy(result => result.Workload))
        {
            string[] backends = [.. workload.Select(result => result.Backend).Distinct()];
            page.Append(CultureInfo.InvariantCulture, $"\n## {workload.Key}{(isBackward ? ", backward" : "")}\n\n");
            page.Append(
                CultureInfo.InvariantCulture,
                $"Milliseconds per call{(isBackward ? " of the backward pass alone" : "")}, in brackets the ratio to the fastest right one{(hasPeak ? " and the share of the machine's multiply-add peak" : "")}; **bold** is what the selection chose; `wrong` failed its comparison with float64.\n\n"
            );
            page.Append(CultureInfo.InvariantCulture, $"| layer | B,H,Lq,Lk,D | dtype | {string.Join(" | ", backends)} |\n");
            page.Append(CultureInfo.InvariantCulture, $"|---|---|---|{string.Concat(backends.Select(_ => "---|"))}\n");
            foreach (
                IGrouping<(string Layer, string Shape, string DType), Result> row in workload.GroupBy(r => (r.Layer, r.Shape, r.DType))
            )
            {
                double best = row.Where(result => result.Passed && result.Milliseconds > 0)
                    .Select(result => result.Milliseconds)
                    .DefaultIfEmpty(double.NaN)
                    .Min();
                IEnumerable<string> cells = backends.Select(name => Cell(row.FirstOrDefault(result => result.Backend == name), best));
                page.Append(
                    CultureInfo.InvariantCulture,
                    $"| {row.Key.Layer} | {row.Key.Shape} | {row.Key.DType} | {string.Join(" | ", cells)} |\n"
                );
            }
            page.Append("\nLargest relative error against float64:\n\n");
            page.Append(
                CultureInfo.InvariantCulture,
                $"| dtype | {string.Join(" | ", backends)} |\n|---|{string.Concat(backends.Select(_ => "---|"))}\n"
            );
            foreach (IGrouping<string, Result> row in workload.GroupBy(result => result.DType))
            {
                IEnumerable<string> cells = backends.Select(name => LargestError([.. row.Where(result => result.Backend == name)]));
                page.Append(CultureInfo.InvariantCulture, $"| {row.Key} | {string.Join(" | ", cells)} |\n");
            }
        }
        Summary(page, verify);
    }

    /// <summary>Each backend against the best other one, and the peak that the shares are of.</summary>
    private static void Summary(StringBuilder page, JsonElement verify)
    {
        JsonElement[] lines = [.. Items(Get(verify, "summary")).Where(line => Number(Get(line, "geometricMean")) > 0)];
        if (lines.Length > 0)
        {
            page.Append("\nSpeed over the best other backend, over the layers that both compute (above 1: faster):\n\n");
            page.Append("| backend | geometric mean | least | layers |\n|---|---|---|---|\n");
        }
        foreach (JsonElement line in lines)
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"| {Text(line, "backend")} | {Number(Get(line, "geometricMean")):0.00} | {Number(Get(line, "worst")):0.00} ({Text(line, "worstLayer")}) | {Text(line, "layers")} |\n"
            );
        }
        if (Get(verify, "fmaGflops") is { ValueKind: JsonValueKind.Object } peaks)
        {
            foreach (JsonProperty peak in peaks.EnumerateObject())
            {
                page.Append(
                    CultureInfo.InvariantCulture,
                    $"\nMultiply-add peak during these measurements, {peak.Name}, {Text(verify, "threads")} threads: median {Number(Get(peak.Value, "median")):0} GFLOP/s, best {Number(Get(peak.Value, "best")):0}.\n"
                );
            }
        }
    }

    private static string Cell(Result? result, double best)
    {
        if (result is null)
        {
            return "";
        }
        if (!result.Passed)
        {
            return "`wrong`";
        }
        if (double.IsNaN(result.Milliseconds))
        {
            return "right, not timed";
        }
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Milliseconds:0.000} ({result.Milliseconds / best:0.00}{(double.IsNaN(result.PeakFraction) ? "" : string.Create(CultureInfo.InvariantCulture, $", {100 * result.PeakFraction:0} %"))})"
        );
        return result.Chosen ? $"**{text}**" : text;
    }

    private static string LargestError(Result[] results) =>
        results.Length == 0 ? "" : results.Max(result => result.Error).ToString("0.0e+0", CultureInfo.InvariantCulture);

    private static Result Read(JsonElement item)
    {
        JsonElement shape = Get(item, "shape");
        string sizes = string.Join(',', new[] { "b", "h", "lq", "lk", "d" }.Select(name => Text(Get(shape, name))));
        string keyHeads = Text(Get(shape, "hkv")),
            valueDim = Text(Get(shape, "dv"));
        sizes += keyHeads != "?" && keyHeads != Text(Get(shape, "h")) ? $" Hkv {keyHeads}" : "";
        sizes += valueDim != "?" && valueDim != Text(Get(shape, "d")) ? $" Dv {valueDim}" : "";
        return new Result(
            Text(Get(item, "workload")),
            Text(Get(item, "layer")),
            sizes,
            Text(Get(item, "dtype")),
            Text(Get(item, "backend")),
            Number(Get(item, "milliseconds")),
            Number(Get(item, "peakFraction")),
            Number(Get(item, "relativeError")),
            Get(item, "passed").ValueKind == JsonValueKind.True,
            Get(item, "chosen").ValueKind == JsonValueKind.True
        );
    }
}
