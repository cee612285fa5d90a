using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>libtorch's own attention operators, which TorchSharp has no methods for, reached through TorchScript.</summary>
/// <remarks>
/// Calling an operator, instead of the function that chooses among them, means that exactly this kernel runs or throws: no process-wide
/// switch has to be set, read or restored, and switches set by others do not matter. The price, measured on the CPU: 8.5 µs a call against
/// 4.6 µs for TorchSharp's method. The operators check less than the function does: an empty key crashes the process, a last stride other
/// than 1 or a smaller batch reads wrong memory. The rules exclude these, and the backends look once more.
/// Each function compiles alone, at its first use and only after <see cref="OperatorCatalog"/> has found its operator, so that one that a
/// libtorch lacks does not take the others down. Numbers go in as <see cref="Scalars"/>: of a number, TorchSharp passes on the address of a
/// scalar that nothing refers to.
/// </remarks>
internal static class TorchOperators
{
    private static readonly string[] Operands = ["Tensor query", "Tensor key", "Tensor value"];
    private static readonly string[] Scale = ["float? scale"];

    private static readonly Lazy<jit.CompilationUnit> FlashCpuUnit = new(() =>
        Compile(
            "_scaled_dot_product_flash_attention_for_cpu",
            [.. Operands, "float dropout_p", "bool is_causal"],
            ["Tensor? attn_mask", .. Scale],
            """
            def attend(query, key, value, mask: Optional[Tensor], causal: bool, scale: float):
                return torch._scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, causal, attn_mask=mask, scale=scale)[0]
            """
        )
    );

    private static readonly Lazy<jit.CompilationUnit> FlashCpuLogSumExpUnit = new(() =>
        Compile(
            "_scaled_dot_product_flash_attention_for_cpu",
            [.. Operands, "float dropout_p", "bool is_causal"],
            ["Tensor? attn_mask", .. Scale],
            """
            def attend(query, key, value, mask: Optional[Tensor], causal: bool, scale: float):
                both = torch._scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, causal, attn_mask=mask, scale=scale)
                return [both[0], both[1]]
            """
        )
    );

    private static readonly Lazy<jit.CompilationUnit> FlashCudaLogSumExpUnit = new(() =>
        Compile(
            "_scaled_dot_product_flash_attention",
            [.. Operands, "float dropout_p", "bool is_causal", "bool return_debug_mask"],
            Scale,
            """
            def attend(query, key, value, dropout: float, causal: bool, scale: float):
                all = torch._scaled_dot_product_flash_attention(query, key, value, dropout, causal, False, scale=scale)
                return [all[0], all[1]]
            """
        )
    );

    private static readonly Lazy<jit.CompilationUnit> FlashCudaUnit = new(() =>
        Compile(
            "_scaled_dot_product_flash_attention",
            [.. Operands, "float dropout_p", "bool is_causal", "bool return_debug_mask"],
            Scale,
            """
            def attend(query, key, value, dropout: float, causal: bool, scale: float):
                return torch._scaled_dot_product_flash_attention(query, key, value, dropout, causal, False, scale=scale)[0]
            """
        )
    );

    private static readonly Lazy<jit.CompilationUnit> EfficientUnit = new(() =>
        Compile(
            "_scaled_dot_product_efficient_attention",
            [.. Operands, "Tensor? attn_bias", "bool compute_log_sumexp", "float dropout_p", "bool is_causal"],
            Scale,
            """
            def attend(query, key, value, bias: Optional[Tensor], logsumexp: bool, dropout: float, causal: bool, scale: float):
                return torch._scaled_dot_product_efficient_attention(query, key, value, bias, logsumexp, dropout, causal, scale=scale)[0]
            """
        )
    );

    private static readonly Lazy<jit.CompilationUnit> CuDnnUnit = new(() =>
        Compile(
            "_scaled_dot_product_cudnn_attention",
            [.. Operands, "Tensor? attn_bias", "bool compute_log_sumexp", "float dropout_p", "bool is_causal", "bool return_debug_mask"],
            Scale,
            """
            def attend(query, key, value, bias: Optional[Tensor], logsumexp: bool, dropout: float, causal: bool, scale: float):
                return torch._scaled_dot_product_cudnn_attention(query, key, value, bias, logsumexp, dropout, causal, False, scale=scale)[0]
            """
        )
    );

    private static readonly Lazy<jit.CompilationUnit> MathUnit = new(() =>
        Compile(
            "_scaled_dot_product_attention_math",
            [.. Operands, "Tensor? attn_mask", "float dropout_p", "bool is_causal", "Tensor? dropout_mask"],
            [.. Scale, "bool enable_gqa"],
            """
            def attend(query, key, value, mask: Optional[Tensor], dropout: float, causal: bool, scale: float, gqa: bool):
                return torch._scaled_dot_product_attention_math(query, key, value, mask, dropout, causal, None, scale=scale, enable_gqa=gqa)[0]
            """
        )
    );

    private static readonly Lazy<jit.CompilationUnit> ChoiceUnit = new(() =>
        Compile(
            "_fused_sdp_choice",
            [.. Operands, "Tensor? attn_mask", "float dropout_p", "bool is_causal"],
            [.. Scale, "bool enable_gqa"],
            """
            def choose(query, key, value, mask: Optional[Tensor], dropout: float, causal: bool, gqa: bool) -> int:
                return torch._fused_sdp_choice(query, key, value, mask, dropout, causal, scale=None, enable_gqa=gqa)
            """
        )
    );

    internal static Tensor FlashCpu(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale) =>
        (Tensor)FlashCpuUnit.Value.invoke("attend", query, key, value, mask!, isCausal, Scalars.Of(scale));

    internal static AttentionResult FlashCpuWithLogSumExp(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? mask,
        bool isCausal,
        double scale
    ) => Both(FlashCpuLogSumExpUnit.Value.invoke("attend", query, key, value, mask!, isCausal, Scalars.Of(scale)));

    internal static AttentionResult FlashCudaWithLogSumExp(
        Tensor query,
        Tensor key,
        Tensor value,
        double dropout,
        bool isCausal,
        double scale
    ) => Both(FlashCudaLogSumExpUnit.Value.invoke("attend", query, key, value, Scalars.Of(dropout), isCausal, Scalars.Of(scale)));

    internal static Tensor FlashCuda(Tensor query, Tensor key, Tensor value, double dropout, bool isCausal, double scale) =>
        (Tensor)FlashCudaUnit.Value.invoke("attend", query, key, value, Scalars.Of(dropout), isCausal, Scalars.Of(scale));

    internal static Tensor Efficient(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? bias,
        bool needsLogSumExp,
        double dropout,
        bool isCausal,
        double scale
    ) =>
        (Tensor)
            EfficientUnit.Value.invoke(
                "attend",
                query,
                key,
                value,
                bias!,
                needsLogSumExp,
                Scalars.Of(dropout),
                isCausal,
                Scalars.Of(scale)
            );

    internal static Tensor CuDnn(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? bias,
        bool needsLogSumExp,
        double dropout,
        bool isCausal,
        double scale
    ) =>
        (Tensor)
            CuDnnUnit.Value.invoke("attend", query, key, value, bias!, needsLogSumExp, Scalars.Of(dropout), isCausal, Scalars.Of(scale));

    internal static Tensor Math(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? mask,
        double dropout,
        bool isCausal,
        double scale,
        bool enableGqa
    ) => (Tensor)MathUnit.Value.invoke("attend", query, key, value, mask!, Scalars.Of(dropout), isCausal, Scalars.Of(scale), enableGqa);

    internal static int FusedChoice(Tensor query, Tensor key, Tensor value, Tensor? mask, double dropout, bool isCausal, bool enableGqa)
    {
        using var choice = (Scalar)ChoiceUnit.Value.invoke("choose", query, key, value, mask!, Scalars.Of(dropout), isCausal, enableGqa);
        return choice.ToInt32();
    }

    private static AttentionResult Both(object list)
    {
        var tensors = (Tensor[])list;
        return new AttentionResult(tensors[0], tensors[1]);
    }

    private static jit.CompilationUnit Compile(string name, IReadOnlyList<string> positional, IReadOnlyList<string> keywords, string script)
    {
        OperatorCatalog.Require(name, positional, keywords);
        return jit.compile(script + "\n"); // TorchScript wants the last line ended
    }
}
