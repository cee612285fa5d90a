using System.Runtime.InteropServices;

namespace LatentSync.Attention.Kernels.Memory;

/// <summary>A thread's memory for the kernels: taken once, kept for the next call, given back with the thread.</summary>
internal sealed unsafe class Workspace
{
    /// <summary>Larger ones are given back after the call.</summary>
    private const nuint LargestKept = 16 << 20;

    private const nuint Alignment = 64;

    [ThreadStatic]
    private static Workspace? _ofThread;

    [ThreadStatic]
    private static Workspace? _ofCall;

    private byte* _memory;
    private nuint _bytes;

    ~Workspace() => NativeMemory.AlignedFree(_memory);

    /// <summary>At least so many bytes, with any content, each thread its own; valid until the thread asks again.</summary>
    /// <exception cref="OutOfMemoryException">There is not so much memory.</exception>
    internal static byte* OfThread(long bytes) => (_ofThread ??= new Workspace()).AtLeast((nuint)bytes);

    /// <summary>The same for what the threads of a call share; the calling thread asks for it.</summary>
    /// <exception cref="OutOfMemoryException">There is not so much memory.</exception>
    internal static byte* OfCall(long bytes) => (_ofCall ??= new Workspace()).AtLeast((nuint)bytes);

    private byte* AtLeast(nuint bytes)
    {
        if (_bytes < bytes || _bytes > LargestKept && bytes <= LargestKept)
        {
            NativeMemory.AlignedFree(_memory);
            _memory = null;
            _bytes = 0;
            _memory = (byte*)NativeMemory.AlignedAlloc(bytes, Alignment);
            _bytes = bytes;
        }
        return _memory;
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
