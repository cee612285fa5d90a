using LatentSync.Attention.Problems;
using TorchSharp;

namespace LatentSync.Lab.Verification;

/// <summary>Work on a GPU is only queued when a call returns.</summary>
internal static class DeviceQueue
{
    /// <summary>Waits until everything on the device is done; does nothing on the CPU.</summary>
    internal static Action SynchronizerOf(AttentionDevice device) =>
        device.Kind == AttentionDeviceKind.Cuda ? () => torch.cuda.synchronize(torch.device(device.ToString())) : static () => { };
}
