using LatentSync.Testing;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Scores, masks and values of every size, drawn log-uniformly: the softmax is that of the scores as plain code in the type rounds
/// them. LATENTSYNC_TEST_SEED=n runs one problem, LATENTSYNC_TEST_CASES=n another number.</summary>
public sealed class FlashMagnitudePropertyTests
{
    private const int Blocks = 6,
        CasesOfBlock = 60,
        DecodingCases = 80,
        GradientCases = 120;
    private const double Work = 2e5,
        GradientWork = 1e5;

    public static TheoryData<int> AllBlocks() => [.. Enumerable.Range(0, Blocks)];

    [Theory]
    [MemberData(nameof(AllBlocks))]
    public void Forward_NumbersOfAnySize_IsTheSoftmaxOfRoundedScores(int block) =>
        ForSeeds(block * CasesOfBlock, CasesOfBlock, seed => FlashCase.Draw(seed, Work).OfAnySize().Check());

    [Fact]
    public void Forward_DecodingWithNumbersOfAnySize_IsTheSoftmaxOfRoundedScores() =>
        ForSeeds(0, DecodingCases, seed => FlashCase.DrawDecoding(seed).OfAnySize().Check());

    [Fact]
    public void Backward_NumbersOfAnySize_IsTheGradientOfRoundedScores() =>
        ForSeeds(0, GradientCases, seed => FlashCase.DrawWithGradients(seed, GradientWork).OfAnySize().CheckGradients());

    private static void ForSeeds(int first, int count, Action<int> check)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("LATENTSYNC_TEST_SEED"), out int seed))
        {
            check(seed);
            return;
        }
        int cases = Math.Min(count, Sweep.Size(count, part: count / 2, share: 1.0 / 15));
        for (int i = 0; i < cases; i++)
        {
            check(first + i);
        }
    }
}
