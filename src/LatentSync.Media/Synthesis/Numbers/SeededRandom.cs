namespace LatentSync.Media.Synthesis.Numbers;

/// <summary>A small random generator whose sequence depends on nothing but its seed: SplitMix64 (Steele, Lea and Flood, 2014).</summary>
public sealed class SeededRandom
{
    private ulong _state;

    /// <summary>Starts a sequence.</summary>
    /// <param name="seed">Any number.</param>
    public SeededRandom(long seed) => _state = (ulong)seed;

    /// <summary>A generator for one purpose, independent of how often the others of the same seed are drawn from.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="stream">Number of the purpose.</param>
    public SeededRandom(long seed, int stream) => _state = Mix((ulong)seed + 0x632BE59BD9B4E019UL * (ulong)(stream + 1L));

    /// <summary>The next 64 bits.</summary>
    public ulong NextBits() => Mix(_state += 0x9E3779B97F4A7C15UL);

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public double Range(double low, double high) => low + (high - low) * NextDouble();

    /// <summary>Uniform among 0..<paramref name="count"/> - 1.</summary>
    /// <param name="count">At least 1.</param>
    public int Next(int count) => (int)(NextDouble() * count);

    /// <summary>True with this probability.</summary>
    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>One of the given, uniformly.</summary>
    /// <typeparam name="T">Type of the elements.</typeparam>
    /// <param name="choices">At least one.</param>
    public T Pick<T>(IReadOnlyList<T> choices) => choices[Next(choices.Count)];

    /// <summary>About normal, mean 0, deviation 1, within ±3.5: the sum of four uniform numbers.</summary>
    public double NextGaussian() => (NextDouble() + NextDouble() + NextDouble() + NextDouble() - 2) * 1.7320508075688772;

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
