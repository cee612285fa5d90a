using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>Memory asked for before it is needed. A processor's own prefetchers follow a run of addresses, but start anew at each page and at each
/// jump: they are late where rows of keys and values change places.</summary>
internal static unsafe class Prefetching
{
    /// <summary>Bytes that come at once.</summary>
    internal const int Line = 64;

    /// <summary>Whether this processor can be asked: .NET has no such instruction for NEON.</summary>
    internal static bool IsSupported => Sse.IsSupported;

    /// <summary>Whether it pays to ask for rows that will be read from end to end. On Intel's processors it does; AMD's prefetchers (measured: Zen 5)
    /// find such rows by themselves, and asking took a third of the bandwidth away.</summary>
    internal static bool PaysForStreams { get; } = IsSupported && IsIntel();

    /// <summary>Asks for a line. Any address will do: nothing happens where no memory is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ToSecondCache(void* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch1(address);
        }
    }

    private static bool IsIntel()
    {
        if (!X86Base.IsSupported)
        {
            return false;
        }
        (_, int b, int c, int d) = X86Base.CpuId(0, 0);
        Span<int> name = [b, d, c];
        return MemoryMarshal.AsBytes(name).SequenceEqual("GenuineIntel"u8);
    }
}
