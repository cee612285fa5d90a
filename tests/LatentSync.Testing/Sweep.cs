using System.Globalization;

namespace LatentSync.Testing;

/// <summary>How much of a sweep runs: a part by default, all of it under <c>./test --all</c>.</summary>
public static class Sweep
{
    /// <summary>Set to 1 by <c>./test --all</c>.</summary>
    private const string Whole = "LATENTSYNC_TEST_WHOLE_SWEEPS";

    /// <summary>A number of random problems for a process that another test started.</summary>
    private const string Wanted = "LATENTSYNC_TEST_CASES";

    /// <summary>Whether all of every sweep runs.</summary>
    public static bool IsWhole => Environment.GetEnvironmentVariable(Whole) == "1";

    /// <summary>Number of problems, the first ones of the whole.</summary>
    /// <param name="all">Of the whole sweep.</param>
    /// <param name="part">By default.</param>
    public static int Size(int all, int part) => IsWhole ? all : part;

    /// <summary>As the other, unless another number is wanted for a whole test class.</summary>
    /// <param name="all">Of the whole sweep.</param>
    /// <param name="part">By default.</param>
    /// <param name="share">This test's share of the number that is wanted.</param>
    public static int Size(int all, int part, double share) =>
        int.TryParse(Environment.GetEnvironmentVariable(Wanted), NumberStyles.None, CultureInfo.InvariantCulture, out int wanted)
            ? (int)(wanted * share)
            : Size(all, part);
}
