using System.Runtime.CompilerServices;
using LatentSync.Attention.Torch.Devices;

// The documentation's blocks use the process's dispatcher: one test at a time.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace LatentSync.Packages.Tests;

internal static class TorchSetup
{
    [ModuleInitializer]
    internal static void Load() => TorchRuntime.EnsureLoaded();
}
