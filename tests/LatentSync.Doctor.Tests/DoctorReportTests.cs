using System.Text.Json;
using LatentSync.Attention.Machines;
using LatentSync.Doctor.Estimates;
using LatentSync.Doctor.Layers;
using LatentSync.Foundation.Wording;
using LatentSync.Platform.Machines;

namespace LatentSync.Doctor.Tests;

[Trait("Category", "Integration")]
[Collection(LanguageCollection.Name)]
public sealed class DoctorReportTests
{
    [Fact]
    public void ToJson_HasEveryKeyOfTheContract()
    {
        MachineExamination machine = HealthyMachine.Examination();
        machine = machine with
        {
            Machine = machine.Machine with
            {
                Gpus = [new GpuInfo("Tesla T4", "7.5", 16L << 30, 15L << 30, "515.43")],
                Cuda = new CudaInfo("11.7", null),
            },
        };

        using JsonDocument json = JsonDocument.Parse(DoctorService.Examine(HealthyMachine.Options(machine)).ToJson());
        JsonElement root = json.RootElement;

        AssertKeys(root, "machine", "backends", "checks", "canSync", "verdict", "suggestions", "layers", "vectorPath");
        Assert.Equal("schemaVersion", root.EnumerateObject().First().Name);
        Assert.Equal(1, root.GetProperty("schemaVersion").GetInt32());
        AssertKeys(root.GetProperty("vectorPath"), "name", "bits");
        AssertKeys(root.GetProperty("machine"), "os", "cpu", "memoryBytes", "gpus", "cuda", "libtorch", "libstdcxx", "ffmpeg", "dotnet");
        AssertKeys(root.GetProperty("machine").GetProperty("cpu"), "name", "cores", "isa");
        AssertKeys(root.GetProperty("machine").GetProperty("gpus")[0], "name", "computeCapability", "memoryBytes", "driver");
        AssertKeys(root.GetProperty("machine").GetProperty("cuda"), "driver", "runtime");
        AssertKeys(root.GetProperty("machine").GetProperty("libtorch"), "version", "flavor", "path", "repaired");
        AssertKeys(NotRunning(root), "name", "available", "reasons");
        AssertKeys(NotRunning(root).GetProperty("reasons")[0], "code", "message", "found", "required", "remedies", "remedy");
        Assert.All(
            root.GetProperty("checks").EnumerateArray(),
            check =>
            {
                AssertKeys(check, "name", "status", "message", "remedies", "remedy");
                Assert.Contains(check.GetProperty("status").GetString(), new[] { "ok", "warning", "error" });
            }
        );
    }

    [Fact]
    public void ToJson_HasTheValues()
    {
        using JsonDocument json = JsonDocument.Parse(DoctorService.Examine(HealthyMachine.Options()).ToJson());
        JsonElement machine = json.RootElement.GetProperty("machine");

        Assert.True(json.RootElement.GetProperty("canSync").GetBoolean());
        Assert.Equal(24_000_000_000, machine.GetProperty("memoryBytes").GetInt64());
        Assert.Equal("avx2", machine.GetProperty("cpu").GetProperty("isa")[0].GetString());
        Assert.Equal("GLIBCXX_3.4.30 (/usr/lib/libstdc++.so.6.0.30)", machine.GetProperty("libstdcxx").GetString());
        Assert.Equal("5.1.9 (/usr/bin/ffmpeg)", machine.GetProperty("ffmpeg").GetString());
        Assert.Equal("10.0.12", machine.GetProperty("dotnet").GetString());
        Assert.Equal(JsonValueKind.Null, machine.GetProperty("cuda").GetProperty("driver").ValueKind);
    }

    [Fact]
    public void ToJson_NothingKnown_KeysAreThereAsNull()
    {
        MachineExamination machine = HealthyMachine.Examination();
        machine = machine with { Machine = machine.Machine with { LibTorch = null }, Memory = null, LibStdCxx = null };
        DoctorOptions options = HealthyMachine.Options(machine) with
        {
            TryTorch = _ =>
                throw new Platform.Loading.NativeLoadException(
                    new(Platform.Loading.NativeLoadCause.FileMissing, "libtorch_cpu.so", "nothing", "libtorch", "restore"),
                    []
                ),
            Ffmpeg = null,
        };

        using JsonDocument json = JsonDocument.Parse(DoctorService.Examine(options).ToJson());
        JsonElement found = json.RootElement.GetProperty("machine");

        Assert.False(json.RootElement.GetProperty("canSync").GetBoolean());
        Assert.Equal(JsonValueKind.Null, found.GetProperty("libtorch").GetProperty("version").ValueKind);
        Assert.Equal(JsonValueKind.Null, found.GetProperty("memoryBytes").ValueKind);
        Assert.Equal(JsonValueKind.Null, found.GetProperty("ffmpeg").ValueKind);
    }

    [Fact]
    public void Render_VerdictComesFirstThenWhatCouldBeBetterThenTheParts()
    {
        using LanguageScope language = new(Language.English);
        MachineExamination machine = HealthyMachine.Examination() with { Memory = new MemoryFacts(8_000_000_000, 7_500_000_000) };
        DoctorOptions options = HealthyMachine.Options(machine) with { MeasureSpeed = (_, _) => new MachineSpeed(213e9, 159e9) };

        string[] lines = DoctorText.Render(DoctorService.Examine(options)).Split('\n');

        Assert.StartsWith(
            "Works here, but slow: a 10 s clip takes about 5 h (within a factor of 1.5). Faster: DType bf16",
            lines[0],
            StringComparison.Ordinal
        );
        int better = Array.IndexOf(lines, "What could be better, least effort first"),
            parts = Array.IndexOf(lines, "Components");
        int remedy = Array.FindIndex(lines, line => line.StartsWith("  - memory: use DType bf16", StringComparison.Ordinal));
        Assert.True(better > 0 && better < remedy && remedy < parts, string.Join('\n', lines));
        Assert.Contains(
            lines,
            line =>
                line.StartsWith("  WARN  memory", StringComparison.Ordinal)
                && line.Contains("7.5 GiB usable, 7.0 GiB free", StringComparison.Ordinal)
        );
        Assert.Contains(
            lines,
            line =>
                line.Contains("managed-flash", StringComparison.Ordinal)
                && line.EndsWith("runs, chosen, AVX-512, 512 bits", StringComparison.Ordinal)
        );
        Assert.Contains(
            lines,
            line => line.Contains("torch-cudnn", StringComparison.Ordinal) && line.Contains("ATT05", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData(Language.English)]
    [InlineData(Language.Chinese)]
    public void Render_ThisKindOfMachine_FitsOnOneScreen(Language wanted)
    {
        using LanguageScope language = new(wanted);
        DoctorOptions options = HealthyMachine.Options() with { MeasureSpeed = (_, _) => new MachineSpeed(213e9, 159e9) };

        string[] lines = DoctorText.Render(DoctorService.Examine(options)).TrimEnd('\n').Split('\n');

        Assert.True(lines.Length <= 40, $"{lines.Length} lines");
        Assert.All(lines, line => Assert.True(Columns.Width(line) <= DoctorText.Width, line));
    }

    [Fact]
    public void Render_Chinese_SaysTheVerdictInChinese()
    {
        using LanguageScope language = new(Language.Chinese);

        string text = DoctorText.Render(DoctorService.Examine(HealthyMachine.Options()));

        Assert.StartsWith(
            "可以在这台机器上运行。在处理器上以 float32 计算，使用 managed-flash (AVX-512，512 位)。",
            text,
            StringComparison.Ordinal
        );
        Assert.Contains("可以改进之处", text, StringComparison.Ordinal);
    }

    [Fact]
    public void ToJson_Remedies_AreAListOfAlternatives()
    {
        using LanguageScope language = new(Language.English);
        MachineExamination machine = HealthyMachine.Examination() with { Memory = new MemoryFacts(8_000_000_000, null) };

        using JsonDocument json = JsonDocument.Parse(DoctorService.Examine(HealthyMachine.Options(machine)).ToJson());
        JsonElement memory = json
            .RootElement.GetProperty("checks")
            .EnumerateArray()
            .Single(check => check.GetProperty("name").GetString() == "memory");
        JsonElement needless = NotRunning(json.RootElement).GetProperty("reasons")[0];

        Assert.Equal(
            ["use DType bf16 (about half)", "give the container more memory", "close other programs"],
            memory.GetProperty("remedies").EnumerateArray().Select(remedy => remedy.GetString()).Take(3)
        );
        Assert.Contains("; or give the container more memory", memory.GetProperty("remedy").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, needless.GetProperty("remedies").GetArrayLength());
        Assert.Equal("no action needed", needless.GetProperty("remedy").GetString());
    }

    [Fact]
    public void BackendThatDoesNotRun_HasNoSize()
    {
        DoctorReport report = DoctorService.Examine(HealthyMachine.Options());
        LayerVerdict[] verdicts = [.. report.Layers.SelectMany(layer => layer.Verdicts)];

        Assert.Contains(verdicts, verdict => !verdict.Runs);
        Assert.All(verdicts, verdict => Assert.Equal(verdict.Runs, verdict.EstimatedBytes is not null));
        Assert.All(report.Layers, layer => Assert.Equal(layer.Backend is not null, layer.EstimatedBytes is not null));
    }

    [Fact]
    public void LayersThatNoBackendRuns_HaveNoSize()
    {
        using LanguageScope language = new(Language.English);
        DoctorOptions options = HealthyMachine.Options() with
        {
            Survey = (machine, _) => LayerSurveyor.Survey(machine with { LibTorch = null }),
        };
        DoctorReport report = DoctorService.Examine(options);

        string[] rows =
        [
            .. DoctorText.Render(report, details: true).Split('\n').Where(line => line.Contains(" none", StringComparison.Ordinal)),
        ];

        Assert.All(report.Layers, layer => Assert.Null(layer.EstimatedBytes));
        Assert.Contains(rows, row => row.StartsWith("    VAE mid block", StringComparison.Ordinal));
        Assert.All(rows, row => Assert.DoesNotContain("MiB", row, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Language.English, "required device cuda. No action needed.", "none needed")]
    [InlineData(Language.Chinese, "无需处理。", "-> 无需处理")]
    public void Render_NothingToDo_SaysSoWithoutAnArrow(Language wanted, string expected, string never)
    {
        using LanguageScope language = new(wanted);

        string text = DoctorText.Render(DoctorService.Examine(HealthyMachine.Options()), details: true);
        string flowing = string.Join(' ', text.Split('\n').Select(line => line.Trim()));

        Assert.Contains(expected, flowing, StringComparison.Ordinal);
        Assert.DoesNotContain(never, flowing, StringComparison.Ordinal);
    }

    [Fact]
    public void Examine_MeasurementThatFails_LeavesTheEstimateOut()
    {
        DoctorOptions options = HealthyMachine.Options() with
        {
            MeasureSpeed = (_, _) => throw new System.Runtime.InteropServices.ExternalException("out of memory"),
        };

        DoctorReport report = DoctorService.Examine(options);

        Assert.Null(report.Estimate);
        Assert.True(report.CanSync);
    }

    [Fact]
    public void Examine_BusyMachine_SaysThatTheEstimateIsTooHigh()
    {
        using LanguageScope language = new(Language.English);

        DoctorReport report = DoctorService.Examine(HealthyMachine.Options(HealthyMachine.Examination() with { Load = 9.3 }));

        Assert.Contains(report.Suggestions, suggestion => suggestion.Text.Contains("load 9.3 on 2 cores", StringComparison.Ordinal));
    }

    private static JsonElement NotRunning(JsonElement root) =>
        root.GetProperty("backends").EnumerateArray().First(backend => !backend.GetProperty("available").GetBoolean());

    private static void AssertKeys(JsonElement element, params string[] keys)
    {
        string[] present = element.EnumerateObject().Select(property => property.Name).ToArray();
        Assert.All(keys, key => Assert.Contains(key, present));
    }
}
