namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Random problems of every kind against float64. LATENTSYNC_TEST_SEED=n runs one of them, LATENTSYNC_TEST_CASES=n fewer.</summary>
public sealed class FlashPropertyTests
{
    private const int Blocks = 30, CasesOfBlock = 100;
    private const double SmallWork = 2e6, LargeWork = 4e7;

    public static TheoryData<int> AllBlocks() => [.. Enumerable.Range(0, Blocks)];

    [Theory]
    [MemberData(nameof(AllBlocks))]
    public void Forward_RandomProblem_IsAttention(int block)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("LATENTSYNC_TEST_SEED"), out int seed))
        {
            FlashCase.Draw(seed, seed < Blocks * CasesOfBlock ? SmallWork : LargeWork).Check();
            return;
        }
        int cases = int.TryParse(Environment.GetEnvironmentVariable("LATENTSYNC_TEST_CASES"), out int wanted) ? wanted / Blocks : CasesOfBlock;
        for (int i = 0; i < cases; i++)
        {
            FlashCase.Draw(block * CasesOfBlock + i, SmallWork).Check();
        }
    }

    [Fact]
    [Trait("Category", "Exhaustive")]
    public void Forward_LargerRandomProblem_IsAttention()
    {
        for (int seed = Blocks * CasesOfBlock; seed < 2 * Blocks * CasesOfBlock; seed += 10)
        {
            FlashCase.Draw(seed, LargeWork).Check();
        }
    }
}
