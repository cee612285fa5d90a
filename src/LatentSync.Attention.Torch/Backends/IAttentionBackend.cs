using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Torch.Operands;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>A backend on TorchSharp tensors. It is called with operands of rank 4 and equal batches, only when its rules allow the
/// problem; it cures by itself what its rules call cured. The output is new, (B, H, Lq, Dv), differentiable when the operands are, and
/// belongs to the caller's dispose scope; so does the logsumexp, which is there exactly when the problem needs it.</summary>
public interface IAttentionBackend : IAttentionRunner<AttentionInputs, AttentionResult>;
