using LatentSync.Lab.Records;
using LatentSync.Testing;

namespace LatentSync.Lab.Tests.Records;

/// <summary>The page of a measurement record, from played JSON.</summary>
public sealed class RecordPageTests
{
    private const string Record = """
        { "date": "2026-11-22T22:00:00Z", "gpu": "NVIDIA H200", "kernel": "Linux 6.1", "threads": 16, "steps": [
          { "name": "doctor", "command": "latentsync doctor --json", "exitCode": 3, "seconds": 2, "limitSeconds": 60, "lastLine": "" },
          { "name": "verify-w", "command": "latentsync attention verify", "exitCode": 124, "seconds": 150, "limitSeconds": 150, "lastLine": "" },
          { "name": "audit", "command": "latentsync attention audit", "exitCode": 127, "seconds": 1, "limitSeconds": 9, "lastLine": "symbol lookup error: a|b" } ],
          "leftOut": ["verify-x: no time was left"] }
        """;

    private const string Doctor = """
        { "machine": { "os": "linux Ubuntu 24.04", "cpu": { "name": "Xeon" }, "gpus": [{ "name": "NVIDIA H200", "computeCapability": "9.0",
          "memoryBytes": 150754820096, "driver": "580.1" }], "cuda": { "driver": "13.0", "runtime": "13.0" },
          "libtorch": { "version": "2.11.0", "flavor": "cu130" }, "dotnet": "10.0.1" } }
        """;

    private const string Verify = """
        { "results": [
          { "workload": "w", "layer": "unet.self", "shape": {"b":2,"h":8,"lq":64,"lk":64,"d":40,"dv":40,"hkv":8}, "dtype": "f16", "backend": "torch-flash",
            "relativeError": 0.0012, "passed": true, "milliseconds": 2.0, "chosen": true },
          { "workload": "w", "layer": "unet.self", "shape": {"b":2,"h":8,"lq":64,"lk":64,"d":40,"dv":40,"hkv":8}, "dtype": "f16", "backend": "torch-math",
            "relativeError": 0.0005, "passed": true, "milliseconds": 7.0, "chosen": false },
          { "workload": "w", "layer": "gqa", "shape": {"b":1,"h":8,"lq":64,"lk":64,"d":128,"dv":64,"hkv":2}, "dtype": "f16", "backend": "torch-math",
            "relativeError": 0.5, "passed": false, "milliseconds": 0.1, "chosen": false } ] }
        """;

    private const string Audit = """
        { "device": "cuda:0", "rules": { "problems": 2000, "equal": 1999, "choices": { "Flash": 900, "Efficient": 1100 },
          "disagreements": [{ "index": 7, "problem": "B 1", "ours": "Math", "libTorch": "CuDnn", "codes": [] }] },
          "faults": { "injected": 500, "calls": 700, "wrongCount": 0 },
          "memory": { "method": "driver", "allowedBeyondBytes": 1048576, "leftOut": [], "measurements": [
            { "backend": "sliced", "problem": "plain", "estimatedBytes": 2097152, "peakBytes": 3145728 },
            { "backend": "torch-math", "problem": "plain", "estimatedBytes": 2097152, "peakBytes": 3145729 } ] } }
        """;

    private static readonly string Page = RecordPage.Render(
        new Dictionary<string, string>
        {
            ["record"] = Record,
            ["doctor"] = Doctor,
            ["verify-w"] = Verify,
            ["audit"] = Audit,
            ["verify-x"] = "{ \"results\": [",
        }
    );

    [Theory]
    [InlineData("# NVIDIA H200\n")]
    [InlineData("compute capability 9.0, 150.8 GB")]
    [InlineData("2.11.0 (cu130), an external one")]
    [InlineData("exit code 3: whole for attention")]
    [InlineData("stopped after 150 s")]
    [InlineData("exit code 127: symbol lookup error: a/b |")] // a bar would end the cell
    [InlineData("| unet.self | 2,8,64,64,40 | f16 | **2.000 (1.00)** | 7.000 (3.50) |")]
    [InlineData("| gqa | 1,8,64,64,128 Hkv 2 Dv 64 | f16 |  | `wrong` |")] // a wrong one is never the fastest, and has no time
    [InlineData("| f16 | 1.2e-3 | 5.0e-1 |")]
    [InlineData("1999 of 2000 random problems equal")]
    [InlineData("problem 7: libtorch CuDnn, we Math: B 1")]
    [InlineData("500 injected in 700 calls, 0 wrong results")]
    [InlineData("| sliced | plain | 3.0 | 2.0 | within |")]
    [InlineData("| torch-math | plain | 3.0 | 2.0 | **beyond** |")]
    [InlineData("- verify-x: no time was left\n")]
    [InlineData("- verify-x.json is incomplete and was not read\n")]
    public void Render_PlayedFiles_Shows(string text) => Assert.Contains(text, Page, StringComparison.Ordinal);

    [Fact]
    public void Render_RecordAlone_NamesNothingThatIsNotThere()
    {
        string page = RecordPage.Render(
            new Dictionary<string, string>
            {
                ["record"] = """{ "gpu": "none", "steps": [], "leftOut": ["no GPU here: CUDA kernels not run"] }""",
            }
        );

        Assert.Contains("none: CUDA kernels were not run", page, StringComparison.Ordinal);
        Assert.Contains("- no GPU here: CUDA kernels not run\n", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Audit", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("# Xeon\n")]
    [InlineData("Made by `scripts/cpu-record` on 2026-11-22")]
    [InlineData("2.10.0 (cpu), the packaged one")]
    [InlineData("| instruction sets | avx2 avx512f |")]
    [InlineData("| memory | 16 GiB |")]
    [InlineData("## w, backward\n")]
    [InlineData("| unet.self | 2,8,64,64,40 | f32 | **2.000 (1.00, 61 %)** |")]
    [InlineData("| managed-flash | 1.52 | 1.01 (w unet.self) | 18 |")]
    [InlineData("peak during these measurements, f32, 2 threads: median 212 GFLOP/s, best 348.")]
    [InlineData("## w beside libtorch and ONNX Runtime 1.31.1\n")]
    [InlineData("| unet.self | 2,8,64,64,40 | 150 | 100 | 120 | 1.50 | 1.25 | 55 % |")]
    [InlineData("- over the better of libtorch and ONNX Runtime: geometric mean 1.25, least 1.20 (unet.self), 1 layers\n")]
    [InlineData("32 heads of 128, 4096 keys, f32: 134 MB")]
    [InlineData("| managed-flash | 8.00 | 16.8 | 90 % of the copy |")]
    public void Render_RecordOfAProcessor_Shows(string text)
    {
        string page = RecordPage.Render(
            new Dictionary<string, string>
            {
                ["record"] =
                    """{ "date": "2026-11-22T22:00:00Z", "madeBy": "scripts/cpu-record", "gpu": "none", "threads": 2, "libtorchFolder": "packaged", "steps": [], "leftOut": [] }""",
                ["doctor"] =
                    """{ "machine": { "cpu": { "name": "Xeon", "isa": ["avx2", "avx512f"] }, "memoryBytes": 17179869184, "libtorch": { "version": "2.10.0", "flavor": "cpu" } } }""",
                ["verify-training-w"] = """
                { "pass": "backward", "threads": 2, "fmaGflops": { "f32": { "median": 212.4, "best": 347.9 } }, "results": [
                  { "workload": "w", "layer": "unet.self", "shape": {"b":2,"h":8,"lq":64,"lk":64,"d":40,"dv":40,"hkv":8}, "dtype": "f32", "backend": "managed-flash",
                    "relativeError": 1e-6, "passed": true, "milliseconds": 2.0, "peakFraction": 0.612, "chosen": true } ],
                  "summary": [ { "backend": "managed-flash", "layers": 18, "geometricMean": 1.52, "worst": 1.01, "worstLayer": "w unet.self" },
                    { "backend": "sliced", "layers": 0, "geometricMean": null } ] }
                """,
                ["onnxruntime"] = """
                { "onnxRuntime": "1.31.1", "threads": 2, "results": [
                  { "workload": "w", "layer": "unet.self", "shape": {"b":2,"h":8,"lq":64,"lk":64,"d":40}, "gflops": { "managed-flash": 150, "torch-flash": 100, "onnxruntime": 120 },
                    "speedOverTorchFlash": 1.5, "speedOverBest": 1.25, "peakFraction": 0.55, "passed": true } ],
                  "summary": [ { "workload": "w", "peer": "best", "geometricMean": 1.25, "least": 1.2, "leastLayer": "unet.self", "layers": 1 } ],
                  "decode": { "shape": {"b":1,"h":32,"lq":1,"lk":4096,"d":128}, "dtype": "f32", "keyValueBytes": 134217728, "milliseconds": { "managed-flash": 8.0, "copy": 7.2 },
                    "bytesPerSecond": { "managed-flash": 16777216000, "copy": 18641351111 }, "copyFraction": { "managed-flash": 0.9, "copy": 1 } } }
                """,
            }
        );

        Assert.Contains(text, page, StringComparison.Ordinal);
        Assert.DoesNotContain("backward passes:", page, StringComparison.Ordinal);
        Assert.DoesNotContain("| sliced |", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_Folder_MakesThePageAndRefusesAFolderWithoutRecord()
    {
        using var folder = new TemporaryFolder();
        Assert.Throws<FileNotFoundException>(() => RecordPage.Write(folder.Path));
        File.WriteAllText(Path.Combine(folder.Path, "record.json"), Record);

        string page = RecordPage.Write(folder.Path);

        Assert.StartsWith("# NVIDIA H200", File.ReadAllText(page), StringComparison.Ordinal);
    }
}
