using LatentSync.Attention.Torch.Backends;

namespace LatentSync.Attention.Torch.Auditing;

/// <summary>The backends that an audit runs: those of a dispatcher that is given none.</summary>
internal static class AuditBackends
{
    internal static IReadOnlyList<IAttentionBackend> Create() => [new TorchFlashBackend(), new TorchMathBackend(), new SlicedBackend()];
}
