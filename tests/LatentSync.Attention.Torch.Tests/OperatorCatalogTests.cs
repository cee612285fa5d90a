using System.Runtime.InteropServices;
using System.Text;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Devices;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>The raw operators: each script compiles here, though a CUDA kernel cannot run here; a libtorch that lacks one is told apart
/// before the script would end the process.</summary>
public sealed class OperatorCatalogTests
{
    private const string Efficient = "_scaled_dot_product_efficient_attention";
    private static readonly string[] Positional =
    [
        "Tensor query",
        "Tensor key",
        "Tensor value",
        "Tensor? attn_bias",
        "bool compute_log_sumexp",
    ];

    [Fact]
    public void Scripts_OfCudaKernels_CompileAndSayThatThisBuildHasNoKernel()
    {
        Assert.SkipWhen(cuda.is_available(), "a CUDA build runs the kernels instead of refusing");
        using var scope = NewDisposeScope();
        Tensor query = zeros([1, 1, 4, 8], dtype: ScalarType.Float16);
        ITorchKernels kernels = LibTorchKernels.Instance;
        foreach (
            Func<Tensor> call in new Func<Tensor>[]
            {
                () => kernels.FlashCuda(query, query, query, 0, false, 1),
                () => kernels.Efficient(query, query, query, null, false, 0, false, 1),
                () => kernels.Efficient(query, query, query, zeros([1, 1, 4, 4], dtype: ScalarType.Float16), true, 0.1, true, 1),
                () => kernels.CuDnn(query, query, query, null, false, 0, false, 1),
            }
        )
        {
            var exception = Assert.Throws<ExternalException>(call);
            Assert.Equal(FailureKind.NoKernel, FailureClassifier.Classify(exception));
            Assert.StartsWith("Could not run 'aten::_scaled_dot_product_", FailureClassifier.CauseOf(exception), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Read_LoadedLibtorch_DeclaresEveryOperatorAsItIsCalled()
    {
        string file = Path.Combine(TorchRuntime.EnsureLoaded().Folder, OperatingSystem.IsWindows() ? "torch_cpu.dll" : "libtorch_cpu.so");
        Assert.SkipUnless(File.Exists(file), "libtorch's file has another name here");
        using FileStream stream = File.OpenRead(file);
        var schemas = OperatorCatalog.Read(stream);
        Assert.Null(schemas[Efficient].Mismatch([.. Positional, "float dropout_p", "bool is_causal"], ["float? scale"]));
        foreach (string name in new[] { "flash_attention", "cudnn_attention", "attention_math", "flash_attention_for_cpu" })
        {
            Assert.Contains("_scaled_dot_product_" + name, schemas.Keys);
        }
        Assert.Contains("_fused_sdp_choice", schemas.Keys);
    }

    [Theory]
    [InlineData(
        "(Tensor query, Tensor key, Tensor value, Tensor? attn_bias, bool compute_log_sumexp, *, float? scale=None) -> Tensor",
        null
    )]
    [InlineData(
        "(Tensor query, Tensor key, Tensor value, Tensor? attn_bias, bool compute_log_sumexp, *, float? scale=None, int? window=None) -> Tensor",
        null
    )]
    [InlineData(
        "(Tensor query, Tensor key, Tensor value, Tensor? attn_bias, bool compute_log_sumexp, *, float? scale=None, int window) -> Tensor",
        "argument int window is required"
    )]
    [InlineData(
        "(Tensor query, Tensor key, Tensor value, Tensor? attn_bias, bool compute_log_sumexp) -> Tensor",
        "there is no argument float? scale"
    )]
    [InlineData(
        "(Tensor query, Tensor key, Tensor value, bool compute_log_sumexp, *, float? scale=None) -> Tensor",
        "argument 4 is bool compute_log_sumexp, not Tensor? attn_bias"
    )]
    [InlineData("(Tensor query, Tensor key, Tensor value) -> Tensor", "argument 4 is missing, not Tensor? attn_bias")]
    public void Require_OtherDeclaration_IsAKernelFailure(string declaration, string? mismatch)
    {
        using var binary = new MemoryStream([
            .. "garbage\0"u8,
            .. new byte[5000],
            .. Encoding.UTF8.GetBytes("aten::" + Efficient + declaration),
            0,
            7,
        ]);
        var schemas = OperatorCatalog.Read(binary);
        Exception? exception = Record.Exception(() => OperatorCatalog.Require(schemas, "2.99.0", Efficient, Positional, ["float? scale"]));
        if (mismatch is null)
        {
            Assert.Null(exception);
            return;
        }
        Assert.Equal(FailureKind.NoKernel, FailureClassifier.Classify(exception!));
        Assert.Equal(
            $"libtorch 2.99.0 has no operator {Efficient} that can be called as this program calls it: {mismatch}.",
            exception!.Message
        );
    }

    [Fact]
    public void Require_UnknownOperator_IsAKernelFailure()
    {
        var exception = Assert.Throws<ExternalException>(() =>
            OperatorCatalog.Require(new Dictionary<string, OperatorSchema>(), "2.1.0", "_no_such_operator", [], [])
        );
        Assert.Equal(FailureKind.NoKernel, FailureClassifier.Classify(exception));
        Assert.Contains("no such operator", exception.Message, StringComparison.Ordinal);
    }

    /// <summary>A declaration that lies across the border of two blocks.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    [InlineData(120)]
    public void Read_DeclarationAcrossBlocks_IsFound(int before)
    {
        byte[] text = [.. Encoding.UTF8.GetBytes(Efficient + "(Tensor query, Tensor key) -> Tensor"), 0];
        byte[] binary = new byte[(8 << 20) + 8192 + 5000];
        text.CopyTo(binary, (8 << 20) + 8192 - before);
        Assert.Contains(Efficient, OperatorCatalog.Read(new MemoryStream(binary)).Keys);
    }
}
