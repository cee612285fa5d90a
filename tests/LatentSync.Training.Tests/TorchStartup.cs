using System.Runtime.CompilerServices;
using LatentSync.Attention.Torch.Devices;

namespace LatentSync.Training.Tests;

internal static class TorchStartup
{
    [ModuleInitializer]
    internal static void LoadLibTorch() => TorchRuntime.EnsureLoaded();
}
