using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>libtorch's own attention operators, which TorchSharp has no methods for, reached through TorchScript.</summary>
/// <remarks>
/// Calling an operator, instead of the function that chooses among them, means that exactly this kernel runs or throws: no process-wide
/// switch has to be set, read or restored, and switches set by others do not matter. The price, measured on the CPU: 8.5 µs a call against
/// 4.6 µs for TorchSharp's method. The operators check less than the function does: an empty key crashes the process, a last stride other
/// than 1 or a smaller batch reads wrong memory. The rules exclude these, and the backends look once more.
/// Each function compiles alone, at its first use, so that one a libtorch lacks does not take the others down.
/// </remarks>
internal static class TorchOperators
{
    private static readonly Lazy<jit.CompilationUnit> FlashCpuUnit = new(() => Compile("""
        def attend(query, key, value, mask: Optional[Tensor], causal: bool, scale: float):
            return torch._scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, causal, attn_mask=mask, scale=scale)[0]
        """));

    private static readonly Lazy<jit.CompilationUnit> FlashCpuLogSumExpUnit = new(() => Compile("""
        def attend(query, key, value, mask: Optional[Tensor], causal: bool, scale: float):
            both = torch._scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, causal, attn_mask=mask, scale=scale)
            return [both[0], both[1]]
        """));

    private static readonly Lazy<jit.CompilationUnit> FlashCudaLogSumExpUnit = new(() => Compile("""
        def attend(query, key, value, dropout: float, causal: bool, scale: float):
            all = torch._scaled_dot_product_flash_attention(query, key, value, dropout, causal, False, scale=scale)
            return [all[0], all[1]]
        """));

    private static readonly Lazy<jit.CompilationUnit> FlashCudaUnit = new(() => Compile("""
        def attend(query, key, value, dropout: float, causal: bool, scale: float):
            return torch._scaled_dot_product_flash_attention(query, key, value, dropout, causal, False, scale=scale)[0]
        """));

    private static readonly Lazy<jit.CompilationUnit> MathUnit = new(() => Compile("""
        def attend(query, key, value, mask: Optional[Tensor], dropout: float, causal: bool, scale: float, gqa: bool):
            return torch._scaled_dot_product_attention_math(query, key, value, mask, dropout, causal, None, scale=scale, enable_gqa=gqa)[0]
        """));

    private static readonly Lazy<jit.CompilationUnit> ChoiceUnit = new(() => Compile("""
        def choose(query, key, value, mask: Optional[Tensor], dropout: float, causal: bool, gqa: bool) -> int:
            return torch._fused_sdp_choice(query, key, value, mask, dropout, causal, scale=None, enable_gqa=gqa)
        """));

    internal static Tensor FlashCpu(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale) =>
        (Tensor)FlashCpuUnit.Value.invoke("attend", query, key, value, mask!, isCausal, scale);

    internal static AttentionResult FlashCpuWithLogSumExp(Tensor query, Tensor key, Tensor value, Tensor? mask, bool isCausal, double scale) =>
        Both(FlashCpuLogSumExpUnit.Value.invoke("attend", query, key, value, mask!, isCausal, scale));

    internal static AttentionResult FlashCudaWithLogSumExp(
        Tensor query, Tensor key, Tensor value, double dropout, bool isCausal, double scale) =>
        Both(FlashCudaLogSumExpUnit.Value.invoke("attend", query, key, value, dropout, isCausal, scale));

    internal static Tensor FlashCuda(Tensor query, Tensor key, Tensor value, double dropout, bool isCausal, double scale) =>
        (Tensor)FlashCudaUnit.Value.invoke("attend", query, key, value, dropout, isCausal, scale);

    internal static Tensor Math(
        Tensor query, Tensor key, Tensor value, Tensor? mask, double dropout, bool isCausal, double scale, bool enableGqa) =>
        (Tensor)MathUnit.Value.invoke("attend", query, key, value, mask!, dropout, isCausal, scale, enableGqa);

    internal static int FusedChoice(Tensor query, Tensor key, Tensor value, Tensor? mask, double dropout, bool isCausal, bool enableGqa) =>
        ((Scalar)ChoiceUnit.Value.invoke("choose", query, key, value, mask!, dropout, isCausal, enableGqa)).ToInt32();

    private static AttentionResult Both(object list)
    {
        var tensors = (Tensor[])list;
        return new AttentionResult(tensors[0], tensors[1]);
    }

    /// <summary>TorchScript wants the last line ended.</summary>
    private static jit.CompilationUnit Compile(string script) => jit.compile(script + "\n");
}
