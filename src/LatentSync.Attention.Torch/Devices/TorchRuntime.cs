using System.Reflection;
using System.Runtime.InteropServices;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Loading;

namespace LatentSync.Attention.Torch.Devices;

/// <summary>The gate to libtorch: call <see cref="EnsureLoaded"/> before the first touch of TorchSharp.</summary>
public static class TorchRuntime
{
    private static readonly Lock Gate = new();
    private static LibTorchLoad? _loaded;

    /// <summary>Finds, repairs if needed, and loads libtorch, then makes TorchSharp's calls go to it. Cheap after the first
    /// call; safe from several threads.</summary>
    /// <param name="options">Which libtorch. Default: what the environment says (LATENTSYNC_LIBTORCH), else the one beside the
    /// program.</param>
    /// <returns>What was loaded, from where, and each step of it.</returns>
    /// <exception cref="NativeLoadException">It cannot be loaded, and why; or it is already loaded with other options.</exception>
    public static LibTorchLoad EnsureLoaded(LibTorchOptions? options = null)
    {
        if (options is null && Volatile.Read(ref _loaded) is { } loaded)
        {
            return loaded;
        }
        lock (Gate)
        {
            LibTorchLoad load = LibTorchLoader.EnsureLoaded(options);
            if (_loaded is null)
            {
                DirectCalls(load.BridgeHandle);
                DisableNnpack(load.BridgeHandle);
                Volatile.Write(ref _loaded, load);
            }
            return load;
        }
    }

    /// <summary>Sets how many threads libtorch's kernels use, unless it is what they use already: once it has been told a number, any
    /// number, MKL prepares for threads of its own at each product, and attention of many small heads takes up to six times as long
    /// (measured on AMD, Zen 5). Call it before other threads compute: what they use already is not seen from here.</summary>
    /// <param name="count">Threads, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    /// <exception cref="NativeLoadException">libtorch cannot be loaded.</exception>
    public static void UseThreads(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        EnsureLoaded();
        if (TorchSharp.torch.get_num_threads() != count)
        {
            TorchSharp.torch.set_num_threads(count);
        }
    }

    /// <summary>Binds TorchSharp's P/Invokes to the loaded bridge by its handle, so that .NET does not search for the file again
    /// (and, on systems where it needs the repair, fail on it). Naming the assembly's type does not run its static
    /// constructor, which would load libtorch by TorchSharp's own rules.</summary>
    private static void DirectCalls(nint bridge)
    {
        Assembly torchSharp = typeof(TorchSharp.torch).Assembly;
        try
        {
            NativeLibrary.SetDllImportResolver(torchSharp, (name, _, _) => name == "LibTorchSharp" ? bridge : 0);
        }
        catch (InvalidOperationException)
        {
            // The host set a resolver of its own. TorchSharp then finds the loaded bridge by its name, which also works.
        }
    }

    /// <summary>With one thread libtorch tries NNPACK for small convolutions, and on processors that NNPACK does not know it prints a
    /// warning for each of them; no setting of its log reaches that. Without NNPACK they go where they went anyway. Its switch is public in
    /// C++ only, so the name is the compiler's; where there is no such name (Windows) there is no NNPACK either.</summary>
    private static unsafe void DisableNnpack(nint bridge)
    {
        if (
            NativeLibrary.TryGetExport(bridge, "_ZN2at13globalContextEv", out nint context)
            && NativeLibrary.TryGetExport(bridge, "_ZN2at7Context20setUserEnabledNNPACKEb", out nint set)
        )
        {
            ((delegate* unmanaged<nint, byte, void>)set)(((delegate* unmanaged<nint>)context)(), 0);
        }
    }
}
