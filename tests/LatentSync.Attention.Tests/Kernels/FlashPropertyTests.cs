using LatentSync.Testing;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Random problems of every kind against float64. LATENTSYNC_TEST_SEED=n runs one of them, LATENTSYNC_TEST_CASES=n
/// another number.</summary>
public sealed class FlashPropertyTests
{
    private const int Blocks = 30,
        GradientBlocks = 10,
        CasesOfBlock = 100,
        DecodingCases = 300;
    private const double SmallWork = 2e6,
        LargeWork = 4e7,
        GradientWork = 1e6;

    public static TheoryData<int> AllBlocks() => [.. Enumerable.Range(0, Blocks)];

    public static TheoryData<int> AllGradientBlocks() => [.. Enumerable.Range(0, GradientBlocks)];

    [Theory]
    [MemberData(nameof(AllBlocks))]
    public void Forward_RandomProblem_IsAttention(int block)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("LATENTSYNC_TEST_SEED"), out int seed))
        {
            FlashCase.Draw(seed, seed < Blocks * CasesOfBlock ? SmallWork : LargeWork).Check();
            return;
        }
        int cases = Sweep.Size(CasesOfBlock, part: CasesOfBlock / 4, share: 1.0 / Blocks);
        for (int i = 0; i < cases; i++)
        {
            FlashCase.Draw(block * CasesOfBlock + i, SmallWork).Check();
        }
    }

    [Theory]
    [MemberData(nameof(AllGradientBlocks))]
    public void Backward_RandomProblem_IsItsGradient(int block)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("LATENTSYNC_TEST_SEED"), out int seed))
        {
            FlashCase.DrawWithGradients(seed, seed < Blocks * CasesOfBlock ? GradientWork : LargeWork).CheckGradients();
            return;
        }
        int cases = Sweep.Size(CasesOfBlock, part: CasesOfBlock / 4, share: 1.0 / Blocks);
        for (int i = 0; i < cases; i++)
        {
            FlashCase.DrawWithGradients(block * CasesOfBlock + i, GradientWork).CheckGradients();
        }
    }

    /// <summary>Few queries, many keys: computed another way, by splits of the keys.</summary>
    [Fact]
    public void Forward_RandomDecodingProblem_IsAttention()
    {
        int cases = Sweep.Size(DecodingCases, part: DecodingCases / 4, share: 0.25);
        for (int seed = 0; seed < cases; seed++)
        {
            FlashCase.DrawDecoding(seed).Check();
        }
    }

    [Fact]
    [Trait("Category", "Exhaustive")]
    public void Backward_LargerRandomProblem_IsItsGradient()
    {
        for (int seed = Blocks * CasesOfBlock; seed < 2 * Blocks * CasesOfBlock; seed += Sweep.Size(30, part: 120))
        {
            FlashCase.DrawWithGradients(seed, LargeWork).CheckGradients();
        }
    }

    [Fact]
    [Trait("Category", "Exhaustive")]
    public void Forward_LargerRandomProblem_IsAttention()
    {
        for (int seed = Blocks * CasesOfBlock; seed < 2 * Blocks * CasesOfBlock; seed += Sweep.Size(10, part: 50))
        {
            FlashCase.Draw(seed, LargeWork).Check();
        }
    }
}
