using System.Globalization;
using System.Text.Json;
using LatentSync.Benchmarks.Peers;
using LatentSync.Lab.Records;

namespace LatentSync.Benchmarks.Tests;

/// <summary>The comparison with libtorch and ONNX Runtime, run on its smallest layers.</summary>
public sealed class PeerProgramTests
{
    private static readonly string[] Engines = ["managed-flash", "torch-flash", "onnxruntime"];

    [Fact]
    public void Run_Table_ShowsEachLayerAndTheSummary()
    {
        (int code, string output, string progress) = Run("--layer", "4x4", "--budget", "0.01", "--no-decode", "--threads", "1");

        Assert.True(code == 0, output + progress);
        Assert.Matches(@"layer +shape b,h,lq,lk,d +ours +torch +onnx +x torch +x best +% +differ", output);
        Assert.Contains("unet.temporal.4x4", output, StringComparison.Ordinal);
        Assert.Contains("multiply-add peak during the measurements: median ", output, StringComparison.Ordinal);
        Assert.Matches(@"latentsync-256, over libtorch: geometric mean [0-9.]+x, least [0-9.]+x \(.*4x4\), 4 layers", output);
        Assert.Matches(@"latentsync-256, over the better of libtorch and ONNX Runtime: geometric mean ", output);
        Assert.DoesNotContain("one new token", output, StringComparison.Ordinal);
        Assert.Contains("comparing 4/4: latentsync-256 syncnet.visual.4x4", progress, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_Json_HasItsKeysAndMakesAPage()
    {
        (int code, string output, string progress) = Run("--layer", "syncnet.audio.5x6", "--budget", "0.01", "--json");

        Assert.True(code == 0, output + progress);
        JsonElement answer = JsonDocument.Parse(output).RootElement;
        Assert.True(answer.GetProperty("threads").GetInt32() > 0);
        Assert.NotEmpty(answer.GetProperty("onnxRuntime").GetString()!);
        JsonElement result = answer.GetProperty("results")[0],
            decode = answer.GetProperty("decode");
        Assert.All(
            Engines,
            engine =>
                Assert.True(
                    result.GetProperty("milliseconds").GetProperty(engine).GetDouble() > 0
                        && result.GetProperty("gflops").GetProperty(engine).GetDouble() > 0
                )
        );
        Assert.All(
            ["speedOverTorchFlash", "speedOverBest", "peakFraction", "fmaGflops", "bestFmaGflops"],
            key => Assert.True(result.GetProperty(key).GetDouble() > 0)
        );
        Assert.True(result.GetProperty("passed").GetBoolean() && decode.GetProperty("passed").GetBoolean());
        Assert.Equal(2L * 32 * 4096 * 128 * 4, decode.GetProperty("keyValueBytes").GetInt64());
        Assert.Equal(1, decode.GetProperty("copyFraction").GetProperty("copy").GetDouble());
        Assert.All(Engines[..2], engine => Assert.True(decode.GetProperty("copyFraction").GetProperty(engine).GetDouble() > 0));
        Assert.Equal(
            ["best", "torch-flash"],
            answer.GetProperty("summary").EnumerateArray().Select(line => line.GetProperty("peer").GetString()!).Order()
        );

        string page = RecordPage.Render(new Dictionary<string, string> { ["record"] = "{}", ["onnxruntime"] = output });
        Assert.Contains("| syncnet.audio.5x6 | 1,8,30,30,64 |", page, StringComparison.Ordinal);
        Assert.DoesNotContain(
            "?",
            page[page.IndexOf("beside libtorch and ONNX Runtime", StringComparison.Ordinal)..],
            StringComparison.Ordinal
        );
        Assert.Contains("% of the copy", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("did you mean latentsync-256", "latentsync-25")]
    [InlineData("llama-3-8b.prefill.1024", "gqa-128")] // causal and grouped: ONNX Runtime's operator has no such thing
    [InlineData("There is no option --fast", "--fast")]
    [InlineData("--threads must be 1 to 4096, not \"0\"", "--threads", "0")]
    [InlineData("--layer needs a value", "--layer")]
    [InlineData("No layer's name contains \"no such\"", "--layer", "no such")]
    public void Run_WrongArguments_Says(string hint, params string[] arguments)
    {
        (int code, string output, string errors) = Run(arguments);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(hint, errors, StringComparison.Ordinal);
        Assert.Contains(PeerOptions.Help, errors, StringComparison.Ordinal);
    }

    private static (int Code, string Output, string Progress) Run(params string[] arguments)
    {
        using StringWriter output = new(CultureInfo.InvariantCulture),
            progress = new(CultureInfo.InvariantCulture);
        int code = PeerProgram.Run(arguments, output, progress);
        return (code, output.ToString(), progress.ToString());
    }
}
