using System.Text.Json;
using LatentSync.Attention.Selection;
using LatentSync.Doctor;
using LatentSync.Platform.Machines;

namespace LatentSync.Tests.Doctor;

[Trait("Category", "Integration")]
public sealed class DoctorReportTests
{
    [Fact]
    public void ToJson_HasEveryKeyOfTheContract()
    {
        MachineExamination machine = DescribedMachine.Examination();
        machine = machine with { Machine = machine.Machine with { Gpus = [new GpuInfo("Tesla T4", "7.5", 16L << 30, 15L << 30, "515.43")], Cuda = new CudaInfo("11.7", null) } };

        using JsonDocument json = JsonDocument.Parse(DoctorService.Examine(DescribedMachine.Options(machine)).ToJson());
        JsonElement root = json.RootElement;

        Assert.Equal(["machine", "backends", "checks", "canSync"], root.EnumerateObject().Select(property => property.Name));
        AssertKeys(root.GetProperty("machine"), "os", "cpu", "memoryBytes", "gpus", "cuda", "libtorch", "libstdcxx", "ffmpeg", "dotnet");
        AssertKeys(root.GetProperty("machine").GetProperty("cpu"), "name", "cores", "isa");
        AssertKeys(root.GetProperty("machine").GetProperty("gpus")[0], "name", "computeCapability", "memoryBytes", "driver");
        AssertKeys(root.GetProperty("machine").GetProperty("cuda"), "driver", "runtime");
        AssertKeys(root.GetProperty("machine").GetProperty("libtorch"), "version", "flavor", "path", "repaired");
        AssertKeys(root.GetProperty("backends")[1], "name", "available", "reasons");
        AssertKeys(root.GetProperty("backends")[1].GetProperty("reasons")[0], "code", "message", "found", "required", "remedy");
        Assert.All(
            root.GetProperty("checks").EnumerateArray(),
            check =>
            {
                AssertKeys(check, "name", "status", "message", "remedy");
                Assert.Contains(check.GetProperty("status").GetString(), new[] { "ok", "warning", "error" });
            }
        );
    }

    [Fact]
    public void ToJson_HasTheValues()
    {
        using JsonDocument json = JsonDocument.Parse(DoctorService.Examine(DescribedMachine.Options()).ToJson());
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
        MachineExamination machine = DescribedMachine.Examination();
        machine = machine with { Machine = machine.Machine with { LibTorch = null }, Memory = null, LibStdCxx = null };
        DoctorOptions options = DescribedMachine.Options(machine) with
        {
            TryTorch = _ => throw new Platform.Loading.NativeLoadException(new(Platform.Loading.NativeLoadCause.FileMissing, "libtorch_cpu.so", "nothing", "libtorch", "restore"), []),
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
    public void Render_VerdictComesFirstAndRemediesFollowTheirFinding()
    {
        MachineExamination machine = DescribedMachine.Examination() with { Memory = new MemoryFacts(8_000_000_000, 7_500_000_000) };

        string[] lines = DoctorText.Render(DoctorService.Examine(DescribedMachine.Options(machine))).Split('\n');

        Assert.Equal("LatentSync will run here (CPU, torch-flash). 1 thing could be better.", lines[0]);
        int memory = Array.FindIndex(lines, line => line.Contains(" memory ", StringComparison.Ordinal));
        Assert.StartsWith("  WARNING memory", lines[memory], StringComparison.Ordinal);
        Assert.Contains("8.0 GB usable, 7.5 GB free", lines[memory], StringComparison.Ordinal);
        Assert.Contains("-> use --dtype bf16", lines[memory + 1], StringComparison.Ordinal);
        Assert.Contains("Attention backends", lines);
        Assert.Contains(lines, line => line.Contains("torch-cudnn", StringComparison.Ordinal) && line.Contains("ATT0201", StringComparison.Ordinal));
    }

    private static void AssertKeys(JsonElement element, params string[] keys)
    {
        string[] present = element.EnumerateObject().Select(property => property.Name).ToArray();
        Assert.All(keys, key => Assert.Contains(key, present));
    }
}
