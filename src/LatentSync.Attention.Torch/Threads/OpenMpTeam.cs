using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using LatentSync.Attention.Kernels.Threads;

namespace LatentSync.Attention.Torch.Threads;

/// <summary>libtorch's own threads: the OpenMP library (libgomp) that its kernels run on.</summary>
/// <remarks>
/// After each parallel region libgomp's threads wait awake for some milliseconds. Threads of ours would share the cores with them whenever
/// a kernel of libtorch has just run, and hold up its next one in turn: on 2 cores, small problems between libtorch's kernels took 2 to 4
/// times as long. As part of the same team they take turns instead.
/// </remarks>
internal sealed unsafe class OpenMpTeam : IWorkTeam
{
    private readonly delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> _parallel;

    private OpenMpTeam(nint parallel) =>
        _parallel = (delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)parallel;

    /// <inheritdoc/>
    public int Size { get; } = Environment.ProcessorCount;

    /// <summary>The team of the libgomp in libtorch's folder; null where libtorch uses another library, or the system's.</summary>
    /// <param name="folder">Folder of the loaded libtorch.</param>
    internal static OpenMpTeam? TryCreate(string folder)
    {
        foreach (string file in Directory.Exists(folder) ? Directory.GetFiles(folder, "libgomp*.so*") : [])
        {
            // Loaded already: this only asks for its handle.
            if (NativeLibrary.TryLoad(file, out nint handle) && NativeLibrary.TryGetExport(handle, "GOMP_parallel", out nint parallel))
            {
                return new OpenMpTeam(parallel);
            }
        }
        return null;
    }

    /// <inheritdoc/>
    public void Run(int threads, delegate* <void*, void> body, void* context)
    {
        if (threads <= 1)
        {
            body(context);
            return;
        }
        var region = new Region { Body = body, Context = context };
        _parallel(&Enter, &region, (uint)Math.Min(threads, Size), 0);
        if (region.Failure != 0)
        {
            GCHandle failure = GCHandle.FromIntPtr(region.Failure);
            var information = (ExceptionDispatchInfo)failure.Target!;
            failure.Free();
            information.Throw();
        }
    }

    [UnmanagedCallersOnly]
    private static void Enter(void* region)
    {
        var shared = (Region*)region;
        try
        {
            shared->Body(shared->Context);
        }
        catch (Exception exception)
        {
            // No exception may pass through native frames: the caller throws it.
            var failure = GCHandle.Alloc(ExceptionDispatchInfo.Capture(exception));
            if (Interlocked.CompareExchange(ref shared->Failure, GCHandle.ToIntPtr(failure), 0) != 0)
            {
                failure.Free(); // another thread failed first
            }
        }
    }

    private struct Region
    {
        internal delegate* <void*, void> Body;
        internal void* Context;
        internal nint Failure;
    }
}
