using System.Runtime.InteropServices;

namespace LatentSync.Attention.Kernels;

/// <summary>A thread's memory for the kernels: taken once, kept for the next call, given back with the thread.</summary>
internal sealed unsafe class Workspace
{
    /// <summary>Larger ones are given back after the call.</summary>
    private const nuint LargestKept = 16 << 20;

    private const nuint Alignment = 64;

    [ThreadStatic]
    private static Workspace? s_ofThread;

    private byte* _memory;
    private nuint _bytes;

    ~Workspace() => NativeMemory.AlignedFree(_memory);

    /// <summary>At least so many bytes, with any content, each thread its own; valid until the thread asks again.</summary>
    /// <exception cref="OutOfMemoryException">There is not so much memory.</exception>
    internal static byte* OfThread(long bytes)
    {
        Workspace workspace = s_ofThread ??= new Workspace();
        nuint wanted = (nuint)bytes;
        if (workspace._bytes < wanted || workspace._bytes > LargestKept && wanted <= LargestKept)
        {
            NativeMemory.AlignedFree(workspace._memory);
            workspace._memory = null;
            workspace._bytes = 0;
            workspace._memory = (byte*)NativeMemory.AlignedAlloc(wanted, Alignment);
            workspace._bytes = wanted;
        }
        return workspace._memory;
    }
}

/// <summary>Hands out parts of a workspace, each on a cache line of its own. Without an address it only counts.</summary>
/// <param name="start">First byte, or null.</param>
internal unsafe ref struct WorkspaceParts(byte* start)
{
    private const nint Line = 64;

    /// <summary>There is no memory behind the parts yet.</summary>
    internal readonly bool IsCounting => start is null;

    /// <summary>Bytes handed out.</summary>
    internal long Bytes { get; private set; }

    /// <summary>Room for so many elements.</summary>
    internal T* Take<T>(long count)
        where T : unmanaged
    {
        byte* part = start + Bytes;
        Bytes += (count * sizeof(T) + Line - 1) / Line * Line;
        return (T*)part;
    }
}
