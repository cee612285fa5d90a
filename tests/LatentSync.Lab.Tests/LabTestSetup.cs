using System.Runtime.CompilerServices;
using LatentSync.Attention.Torch.Devices;
using TorchSharp;
using Xunit.Sdk;

// Live tensors are counted and libtorch's switches are process-wide: one test at a time.
[assembly: Xunit.v3.Parallelization(Mode = ParallelMode.None)]

namespace LatentSync.Lab.Tests;

internal static class LabTestSetup
{
    [ModuleInitializer]
    internal static void Load()
    {
        TorchRuntime.EnsureLoaded();
        torch.set_num_threads(1); // small problems: a second thread mostly waits
    }
}
