using LatentSync.Attention.Selection;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>Asks libtorch which kernel it would choose, to compare with our rules. It obeys libtorch's process-wide switches.</summary>
public static class LibTorchVerdict
{
    /// <summary>libtorch's choice for tensors as they are, not repaired.</summary>
    /// <param name="query">Any rank.</param>
    /// <param name="key">Any rank.</param>
    /// <param name="value">Any rank.</param>
    /// <param name="mask">Mask or null.</param>
    /// <param name="dropout">Probability.</param>
    /// <param name="isCausal">Top-left causal.</param>
    /// <param name="enableGqa">Fewer key heads than query heads are allowed.</param>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">libtorch refuses the arguments.</exception>
    public static LibTorchChoice Ask(
        Tensor query,
        Tensor key,
        Tensor value,
        Tensor? mask = null,
        double dropout = 0,
        bool isCausal = false,
        bool enableGqa = false
    ) => (LibTorchChoice)TorchOperators.FusedChoice(query, key, value, mask, dropout, isCausal, enableGqa);
}
