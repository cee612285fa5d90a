using LatentSync.Attention.Kernels.Threads;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Platform.LibTorch;

namespace LatentSync.Attention.Torch.Threads;

/// <summary>The threads of the managed kernels in a process with libtorch: libtorch's own where they can be used, else a team beside
/// them.</summary>
internal static class TorchTeam
{
    /// <summary>The team.</summary>
    internal static IWorkTeam Shared { get; } = Find();

    private static IWorkTeam Find()
    {
        LibTorchLoad load = TorchRuntime.EnsureLoaded();
        return OpenMpTeam.TryCreate(load.Folder) ?? (IWorkTeam)WorkTeam.Shared;
    }
}
