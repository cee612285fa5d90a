using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Kernels.Micro;

namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>Which weights are dropped: a function of seed, head, query and key alone, not of blocks and threads, so that the backward pass
/// and a repetition draw the same.</summary>
/// <remarks>Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). The counter is (key / 4, query, sequence
/// · heads + head, low half of the offset), the key is the seed with the offset's high half; word key mod 4 decides.</remarks>
internal static unsafe class FlashDropout
{
    private const uint FirstMultiplier = 0xD2511F53,
        SecondMultiplier = 0xCD9E8D57,
        FirstWeyl = 0x9E3779B9,
        SecondWeyl = 0xBB67AE85;
    private const int Rounds = 10,
        WordsPerCounter = 4;

    /// <summary>Fills (count, lanes) with 0 for a dropped weight and 1 / (1 - p) for a kept one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Fill<T>(in FlashCall call, in FlashBlock<T> block, int lanes, int batch, int firstKey, int count, T* factors)
        where T : unmanaged
    {
        double probability = call.Problem.Dropout;
        ulong threshold = (ulong)(probability * 4294967296.0);
        T kept = Exponential.Number<T>(1 / (1 - probability)),
            dropped = default;
        ulong* words = stackalloc ulong[WordsPerCounter * 4];
        ulong seed = call.DropoutSeed ^ (call.DropoutOffset & 0xFFFFFFFF00000000);
        int end = firstKey + count;
        for (int i = 0; i < lanes; i += Vector256<ulong>.Count)
        {
            // Four lanes at once; numbers of lanes are multiples of 4 (or 2, where a vector has two doubles).
            int n = Math.Min(Vector256<ulong>.Count, lanes - i);
            Vector256<ulong> query = default,
                head = default;
            for (int lane = 0; lane < n; lane++)
            {
                query = query.WithElement(lane, (uint)block.Position[i + lane]);
                head = head.WithElement(lane, (uint)(batch * call.Problem.HeadCount + block.Head[i + lane]));
            }
            for (int group = firstKey / WordsPerCounter; group * WordsPerCounter < end; group++)
            {
                Draw(Vector256.Create((ulong)(uint)group), query, head, Vector256.Create((ulong)(uint)call.DropoutOffset), seed, words);
                for (int word = 0; word < WordsPerCounter; word++)
                {
                    int key = group * WordsPerCounter + word;
                    if (key < firstKey || key >= end)
                    {
                        continue;
                    }
                    for (int lane = 0; lane < n; lane++)
                    {
                        factors[(nint)(key - firstKey) * lanes + i + lane] = words[word * 4 + lane] < threshold ? dropped : kept;
                    }
                }
            }
        }
    }

    /// <summary>Four counters' four words, each in the low half of 64 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Draw(Vector256<ulong> c0, Vector256<ulong> c1, Vector256<ulong> c2, Vector256<ulong> c3, ulong seed, ulong* words)
    {
        Vector256<ulong> low = Vector256.Create(0xFFFFFFFFUL);
        uint k0 = (uint)seed,
            k1 = (uint)(seed >> 32);
        for (int round = 0; round < Rounds; round++, k0 += FirstWeyl, k1 += SecondWeyl)
        {
            Vector256<ulong> first = c0 * FirstMultiplier,
                second = c2 * SecondMultiplier;
            c0 = (second >>> 32) ^ c1 ^ Vector256.Create((ulong)k0);
            c1 = second & low;
            c2 = (first >>> 32) ^ c3 ^ Vector256.Create((ulong)k1);
            c3 = first & low;
        }
        c0.Store(words);
        c1.Store(words + 4);
        c2.Store(words + 8);
        c3.Store(words + 12);
    }
}
