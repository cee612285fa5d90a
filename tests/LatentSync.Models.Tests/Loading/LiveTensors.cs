using TorchSharp;

namespace LatentSync.Models.Tests.Loading;

/// <summary>Counts the tensors that this thread made and did not dispose.</summary>
internal static class LiveTensors
{
    /// <summary>Tensors that <paramref name="action"/> leaves alive.</summary>
    public static long LeftBy(Action action)
    {
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        action();
        return DisposeScopeManager.Statistics.ThreadTotalLiveCount - before;
    }
}
