using LatentSync.Media.Synthesis.Numbers;

namespace LatentSync.Evaluation.Demo;

/// <summary>Seeds of a demo's person, new sentence and unrelated sentence: never those of a training clip.</summary>
/// <param name="Clip">Person, voice, gestures, and the sentence of the input.</param>
/// <param name="Speech">The new sentence.</param>
/// <param name="Unrelated">A third sentence of the same voice, which nobody speaks: what lips and it have in common is chance.</param>
/// <remarks>Training draws its seeds below 2³¹. These are hashed into [2⁴⁰, 2⁶²), so whatever a user asks for, nobody trained on that face
/// or that sentence.</remarks>
internal readonly record struct DemoSeeds(long Clip, long Speech, long Unrelated)
{
    /// <summary>The smallest seed that is given.</summary>
    public const long Least = 1L << 40;

    /// <summary>Above the largest.</summary>
    public const long Limit = 1L << 62;

    /// <summary>The seeds of a demo.</summary>
    /// <param name="seed">The user's.</param>
    public static DemoSeeds Of(long seed) => new(HeldOut(seed, 0), HeldOut(seed, 1), HeldOut(seed, 2));

    /// <summary>A seed that training never uses.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="index">Number of the purpose; each gives another seed.</param>
    /// <returns><see cref="Least"/>..<see cref="Limit"/> - 1.</returns>
    public static long HeldOut(long seed, int index) =>
        Least + (long)(new SeededRandom(seed, HeldOutStream + index).NextBits() % (ulong)(Limit - Least));

    // Apart from the streams that identities, voices and sentences draw from.
    private const int HeldOutStream = 7000;
}
