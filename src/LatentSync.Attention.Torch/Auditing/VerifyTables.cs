using System.Globalization;
using System.Text;
using System.Text.Json;
using static LatentSync.Attention.Torch.Auditing.RecordPage;

namespace LatentSync.Attention.Torch.Auditing;

/// <summary>Tables of `attention verify --json`: per workload one of times, a row per layer and element type and a column per backend, and one of
/// the largest errors.</summary>
internal static class VerifyTables
{
    private sealed record Result(string Workload, string Layer, string Shape, string DType, string Backend, double Milliseconds, double Error,
        bool Passed, bool Chosen);

    internal static void Append(StringBuilder page, JsonElement verify)
    {
        IEnumerable<Result> results = Items(Get(verify, "results")).Select(Read);
        foreach (IGrouping<string, Result> workload in results.GroupBy(result => result.Workload))
        {
            string[] backends = [.. workload.Select(result => result.Backend).Distinct()];
            page.Append(CultureInfo.InvariantCulture, $"\n## {workload.Key}\n\n");
            page.Append("Milliseconds per call, in brackets the ratio to the fastest right one; **bold** is what the selection chose; `wrong` failed its comparison with float64.\n\n");
            page.Append(CultureInfo.InvariantCulture, $"| layer | B,H,Lq,Lk,D | dtype | {string.Join(" | ", backends)} |\n");
            page.Append(CultureInfo.InvariantCulture, $"|---|---|---|{string.Concat(backends.Select(_ => "---|"))}\n");
            foreach (IGrouping<(string Layer, string Shape, string DType), Result> row in workload.GroupBy(r => (r.Layer, r.Shape, r.DType)))
            {
                double best = row.Where(result => result.Passed && result.Milliseconds > 0).Select(result => result.Milliseconds).DefaultIfEmpty(double.NaN).Min();
                IEnumerable<string> cells = backends.Select(name => Cell(row.FirstOrDefault(result => result.Backend == name), best));
                page.Append(CultureInfo.InvariantCulture, $"| {row.Key.Layer} | {row.Key.Shape} | {row.Key.DType} | {string.Join(" | ", cells)} |\n");
            }
            page.Append("\nLargest relative error against float64:\n\n");
            page.Append(CultureInfo.InvariantCulture, $"| dtype | {string.Join(" | ", backends)} |\n|---|{string.Concat(backends.Select(_ => "---|"))}\n");
            foreach (IGrouping<string, Result> row in workload.GroupBy(result => result.DType))
            {
                IEnumerable<string> cells = backends.Select(name => LargestError([.. row.Where(result => result.Backend == name)]));
                page.Append(CultureInfo.InvariantCulture, $"| {row.Key} | {string.Join(" | ", cells)} |\n");
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
        string text = string.Create(CultureInfo.InvariantCulture, $"{result.Milliseconds:0.000} ({result.Milliseconds / best:0.00})");
        return result.Chosen ? $"**{text}**" : text;
    }

    private static string LargestError(Result[] results) =>
        results.Length == 0 ? "" : results.Max(result => result.Error).ToString("0.0e+0", CultureInfo.InvariantCulture);

    private static Result Read(JsonElement item)
    {
        JsonElement shape = Get(item, "shape");
        string sizes = string.Join(',', new[] { "b", "h", "lq", "lk", "d" }.Select(name => Text(Get(shape, name))));
        string keyHeads = Text(Get(shape, "hkv")), valueDim = Text(Get(shape, "dv"));
        sizes += keyHeads != "?" && keyHeads != Text(Get(shape, "h")) ? $" Hkv {keyHeads}" : "";
        sizes += valueDim != "?" && valueDim != Text(Get(shape, "d")) ? $" Dv {valueDim}" : "";
        return new Result(
            Text(Get(item, "workload")), Text(Get(item, "layer")), sizes, Text(Get(item, "dtype")), Text(Get(item, "backend")),
            Number(Get(item, "milliseconds")), Number(Get(item, "relativeError")),
            Get(item, "passed").ValueKind == JsonValueKind.True, Get(item, "chosen").ValueKind == JsonValueKind.True);
    }
}
