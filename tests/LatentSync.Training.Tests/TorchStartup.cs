using System.Runtime.CompilerServices;
using LatentSync.Attention.Torch;

namespace LatentSync.Training.Tests;

internal static class TorchStartup
{
    [ModuleInitializer]
    internal static void LoadLibTorch() => TorchRuntime.EnsureLoaded();
}
