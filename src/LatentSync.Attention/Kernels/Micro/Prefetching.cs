using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace LatentSync.Attention.Kernels.Micro;

/// <summary>Software prefetch. A processor's own prefetchers follow a run of addresses, but start again at each page and at each jump: they
/// are late where reading goes from rows of keys to rows of values and back.</summary>
internal static unsafe class Prefetching
{
    /// <summary>Bytes of a cache line.</summary>
    internal const int Line = 64;

    /// <summary>Whether .NET has a prefetch instruction for this processor: it has none for NEON.</summary>
    internal static bool IsSupported => Sse.IsSupported;

    /// <summary>Whether prefetching pays for rows that are read from end to end. On Intel's processors it does. AMD's own prefetchers
    /// (measured: Zen 5) find such rows, and prefetching them took a third of the bandwidth.</summary>
    internal static bool PaysForStreams { get; } = IsSupported && IsIntel();

    /// <summary>Prefetches a line into the second-level cache. Any address is allowed: nothing happens where there is no memory.</summary>
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
