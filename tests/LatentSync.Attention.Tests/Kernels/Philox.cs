namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Philox4x32-10 as its authors wrote it down (Salmon et al., SC 2011), and which weights it drops.</summary>
internal static class Philox
{
    /// <summary>Four random words of a counter and a key.</summary>
    public static uint[] Words(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < 10; round++, k0 += 0x9E3779B9, k1 += 0xBB67AE85)
        {
            ulong first = 0xD2511F53UL * c0,
                second = 0xCD9E8D57UL * c2;
            (c0, c1, c2, c3) = ((uint)(second >> 32) ^ c1 ^ k0, (uint)second, (uint)(first >> 32) ^ c3 ^ k1, (uint)first);
        }
        return [c0, c1, c2, c3];
    }

    /// <summary>(queries, keys) factors of a head's weights: 0 where one is dropped, else 1 / (1 - p).</summary>
    /// <param name="probability">p.</param>
    /// <param name="seed">Key of the generator.</param>
    /// <param name="head">Sequence · heads + head.</param>
    /// <param name="queries">Queries.</param>
    /// <param name="keys">Keys.</param>
    public static double[,] Kept(double probability, ulong seed, int head, int queries, int keys)
    {
        var kept = new double[queries, keys];
        for (int i = 0; i < queries; i++)
        {
            for (int j = 0; j < keys; j++)
            {
                uint word = Words((uint)j / 4, (uint)i, (uint)head, 0, (uint)seed, (uint)(seed >> 32))[j % 4];
                kept[i, j] = word < probability * 4294967296.0 ? 0 : 1 / (1 - probability);
            }
        }
        return kept;
    }
}
