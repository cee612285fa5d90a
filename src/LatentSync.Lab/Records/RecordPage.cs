using System.Globalization;
using System.Text;
using System.Text.Json;
using LatentSync.Foundation.Files;

namespace LatentSync.Lab.Records;

/// <summary>Makes the page of a measurement record (docs/benchmarks) from the JSON that lies beside it: record.json (what was run),
/// doctor.json (the machine), verify-*.json (errors and times), onnxruntime.json (another library's times), audit.json (verdicts, faults,
/// memory). What is missing or unreadable is named on the page, never guessed.</summary>
public static class RecordPage
{
    /// <summary>File name of the page.</summary>
    public const string FileName = "README.md";

    private const int MaximumBytes = 64 << 20;

    /// <summary>Writes the page of a folder.</summary>
    /// <param name="folder">Folder of the record.</param>
    /// <returns>Path of the page.</returns>
    /// <exception cref="FileNotFoundException">The folder has no record.json.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static string Write(string folder)
    {
        string record = Path.Combine(folder, "record.json"),
            page = Path.Combine(folder, FileName);
        if (!File.Exists(record))
        {
            throw new FileNotFoundException($"{folder} holds no measurement record: there is no record.json in it.", record);
        }
        FileOverlap.Refuse(
            Directory.EnumerateFiles(folder, "*.json").Select(file => new NamedPath("a JSON file of the record", file)),
            [new NamedPath("The page", page)]
        );
        Dictionary<string, string> files = Directory
            .EnumerateFiles(folder, "*.json")
            .ToDictionary(
                file => Path.GetFileNameWithoutExtension(file),
                file => InputFile.ReadAllText(file, MaximumBytes),
                StringComparer.Ordinal
            );
        PartialFile.Write(page, Encoding.UTF8.GetBytes(Render(files)));
        return page;
    }

    /// <summary>The page.</summary>
    /// <param name="files">Text of each JSON file by its name without extension.</param>
    public static string Render(IReadOnlyDictionary<string, string> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        var unreadable = new List<string>();
        Dictionary<string, JsonElement> documents = [];
        foreach ((string name, string text) in files.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            try
            {
                documents[name] = JsonDocument.Parse(text).RootElement;
            }
            catch (JsonException)
            {
                unreadable.Add(name); // a step that was stopped while it wrote
            }
        }
        var page = new StringBuilder();
        JsonElement record = documents.GetValueOrDefault("record"),
            machine = Get(documents.GetValueOrDefault("doctor"), "machine");
        Head(page, record, machine);
        Steps(page, record);
        foreach (
            (string _, JsonElement verify) in documents.Where(document => document.Key.StartsWith("verify-", StringComparison.Ordinal))
        )
        {
            VerifyTables.Append(page, verify);
        }
        PeerTables.Append(page, documents.GetValueOrDefault("onnxruntime"));
        Audit(page, documents.GetValueOrDefault("audit"));
        page.Append("\n## Not measured\n\n");
        List<string> leftOut =
        [
            .. Items(Get(record, "leftOut")).Select(Text),
            .. unreadable.Select(name => $"{name}.json is incomplete and was not read"),
        ];
        if (!documents.Values.Any(document => Text(document, "pass") == "backward"))
        {
            leftOut.Add("backward passes: errors and times are of the forward pass only");
        }
        leftOut.ForEach(item => page.Append(CultureInfo.InvariantCulture, $"- {item}\n"));
        return page.ToString();
    }

    internal static JsonElement Get(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) ? value : default;

    internal static IEnumerable<JsonElement> Items(JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : [];

    /// <summary>A value as text; "?" when it is missing.</summary>
    internal static string Text(JsonElement element) =>
        element.ValueKind switch
        {
            JsonValueKind.String => element.GetString()!,
            JsonValueKind.Undefined or JsonValueKind.Null => "?",
            JsonValueKind.Array => string.Join(' ', element.EnumerateArray().Select(Text)),
            _ => element.GetRawText(),
        };

    internal static double Number(JsonElement element) => element.ValueKind == JsonValueKind.Number ? element.GetDouble() : double.NaN;

    internal static string Text(JsonElement element, string name) => Text(Get(element, name));

    private static void Head(StringBuilder page, JsonElement record, JsonElement machine)
    {
        JsonElement gpu = Items(Get(machine, "gpus")).FirstOrDefault(),
            libTorch = Get(machine, "libtorch"),
            cpu = Get(machine, "cpu");
        bool hasGpu = Text(record, "gpu") is not ("none" or "?");
        page.Append(CultureInfo.InvariantCulture, $"# {(hasGpu ? Text(record, "gpu") : Text(cpu, "name"))}\n\n");
        page.Append(
            CultureInfo.InvariantCulture,
            $"Made by `{(Text(record, "madeBy") is var script and not "?" ? script : "scripts/gpu-check")}` on {Text(record, "date")} from the JSON files beside this page.\n\n"
        );
        page.Append("| | |\n|---|---|\n");
        if (hasGpu)
        {
            double gigabytes = Number(Get(gpu, "memoryBytes")) / 1e9;
            Row("GPU", $"{Text(gpu, "name")}, compute capability {Text(gpu, "computeCapability")}, {gigabytes:0.0} GB");
            Row("driver", $"{Text(gpu, "driver")}, CUDA up to {Text(Get(machine, "cuda"), "driver")}");
        }
        else
        {
            Row("GPU", $"none: CUDA kernels were not run");
        }
        Row(
            "libtorch",
            $"{Text(libTorch, "version")} ({Text(libTorch, "flavor")}), {(Text(record, "libtorchFolder") == "packaged" ? "the packaged one" : "an external one")}"
        );
        Row("processor", $"{Text(cpu, "name")}, {Text(record, "threads")} threads");
        if (!hasGpu && Get(cpu, "isa").ValueKind == JsonValueKind.Array)
        {
            Row("instruction sets", $"{Text(Get(cpu, "isa"))}");
        }
        if (!hasGpu && Number(Get(machine, "memoryBytes")) is > 0 and var memory)
        {
            Row("memory", $"{memory / (1 << 30):0} GiB");
        }
        Row("system", $"{Text(machine, "os")}, {Text(record, "kernel")}, .NET {Text(machine, "dotnet")}");

        void Row(string name, FormattableString value) =>
            page.Append(CultureInfo.InvariantCulture, $"| {name} | {value.ToString(CultureInfo.InvariantCulture)} |\n");
    }

    private static void Steps(StringBuilder page, JsonElement record)
    {
        bool isOwn = Text(record, "libtorchFolder") == "packaged";
        page.Append("\n## What was run\n\n| command | ended with | seconds |\n|---|---|---|\n");
        foreach (JsonElement step in Items(Get(record, "steps")))
        {
            double code = Number(Get(step, "exitCode"));
            string end = (code, Text(step, "name")) switch
            {
                (0, _) => "passed",
                (124 or 137, _) => $"stopped after {Text(step, "limitSeconds")} s",
                (3, "doctor") =>
                    $"exit code 3: whole for attention, not for `sync` ({(isOwn ? "see doctor.json" : "this build carries no OpenCV and no ffmpeg")})",
                _ => $"exit code {code.ToString(CultureInfo.InvariantCulture)}: {Text(step, "lastLine").Replace('|', '/')}",
            };
            page.Append(CultureInfo.InvariantCulture, $"| `{Text(step, "command")}` | {end} | {Text(step, "seconds")} |\n");
        }
    }

    private static void Audit(StringBuilder page, JsonElement audit)
    {
        if (audit.ValueKind != JsonValueKind.Object)
        {
            return;
        }
        page.Append(CultureInfo.InvariantCulture, $"\n## Audit, {Text(audit, "device")}\n\n");
        if (Get(audit, "rules") is { ValueKind: JsonValueKind.Object } rules)
        {
            JsonElement counts = Get(rules, "choices");
            string choices =
                counts.ValueKind != JsonValueKind.Object
                    ? "?"
                    : string.Join(", ", counts.EnumerateObject().Select(choice => $"{choice.Name} {choice.Value.GetRawText()}"));
            page.Append(
                CultureInfo.InvariantCulture,
                $"- Verdicts: {Text(rules, "equal")} of {Text(rules, "problems")} random problems equal to libtorch's own choice ({choices}).\n"
            );
            foreach (JsonElement item in Items(Get(rules, "disagreements")))
            {
                page.Append(
                    CultureInfo.InvariantCulture,
                    $"  - problem {Text(item, "index")}: libtorch {Text(item, "libTorch")}, we {Text(item, "ours")}: {Text(item, "problem")}\n"
                );
            }
        }
        if (Get(audit, "faults") is { ValueKind: JsonValueKind.Object } faults)
        {
            page.Append(
                CultureInfo.InvariantCulture,
                $"- Faults: {Text(faults, "injected")} injected in {Text(faults, "calls")} calls, {Text(faults, "wrongCount")} wrong results.\n"
            );
        }
        if (Get(audit, "memory") is { ValueKind: JsonValueKind.Object } memory)
        {
            Memory(page, memory);
        }
    }

    private static void Memory(StringBuilder page, JsonElement memory)
    {
        if (Get(memory, "method").ValueKind != JsonValueKind.String)
        {
            page.Append("- Memory: not measured, this system shows no peak.\n");
            return;
        }
        const double MiB = 1 << 20;
        page.Append(CultureInfo.InvariantCulture, $"- Memory of one call in MiB, by {Text(memory, "method")}; at most ");
        page.Append(
            CultureInfo.InvariantCulture,
            $"{Number(Get(memory, "allowedBeyondBytes")) / MiB:0} MiB of the peak may be the measurement's own:\n\n"
        );
        page.Append("| backend | problem | peak | estimate | |\n|---|---|---|---|---|\n");
        foreach (JsonElement item in Items(Get(memory, "measurements")))
        {
            double peak = Number(Get(item, "peakBytes")),
                estimate = Number(Get(item, "estimatedBytes"));
            string verdict = peak <= estimate + Number(Get(memory, "allowedBeyondBytes")) ? "within" : "**beyond**";
            page.Append(
                CultureInfo.InvariantCulture,
                $"| {Text(item, "backend")} | {Text(item, "problem")} | {peak / MiB:0.0} | {estimate / MiB:0.0} | {verdict} |\n"
            );
        }
        foreach (JsonElement item in Items(Get(memory, "leftOut")))
        {
            page.Append(CultureInfo.InvariantCulture, $"\nNot measured: {Text(item)}\n");
        }
    }
}
