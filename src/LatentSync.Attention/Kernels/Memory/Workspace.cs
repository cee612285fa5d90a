using System.Runtime.InteropServices;

namespace LatentSync.Attention.Kernels.Memory;

/// <summary>A thread's memory for the kernels: allocated once, kept for the next call, freed with the thread.</summary>
internal sealed unsafe class Workspace
{
    /// <summary>A larger one is freed when the next call needs no more than this.</summary>
    private const nuint LargestKept = 16 << 20;

    private const nuint Alignment = 64;

    [ThreadStatic]
    private static Workspace? _ofThread;

    [ThreadStatic]
    private static Workspace? _ofCall;

    private byte* _memory;
    private nuint _bytes;

    ~Workspace() => NativeMemory.AlignedFree(_memory);

    /// <summary>At least so many bytes of the current thread, with any content; valid until it calls this again.</summary>
    /// <exception cref="OutOfMemoryException">There is not enough memory.</exception>
    internal static byte* OfThread(long bytes) => (_ofThread ??= new Workspace()).AtLeast((nuint)bytes);

    /// <summary>The same for memory that the threads of a call share; it belongs to the calling thread.</summary>
    /// <exception cref="OutOfMemoryException">There is not enough memory.</exception>
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

/// <summary>Divides a workspace into parts, each of which begins on its own cache line. Without an address it only counts bytes.</summary>
/// <param name="start">First byte, or null.</param>
internal unsafe ref struct WorkspaceParts(byte* start)
{
    private const nint Line = 64;

    /// <summary>There is no memory behind the parts yet.</summary>
    internal readonly bool IsCounting => start is null;

    /// <summary>Bytes of the parts so far.</summary>
    internal long Bytes { get; private set; }

    /// <summary>A part for so many elements.</summary>
    internal T* Take<T>(long count)
        where T : unmanaged
    {
        byte* part = start + Bytes;
        Bytes += (count * sizeof(T) + Line - 1) / Line * Line;
        return (T*)part;
    }
}
