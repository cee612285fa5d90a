using LatentSync.Parity;
using LatentSync.Testing;

namespace LatentSync.Tests.Parity;

public sealed class ParityRunnerTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("parity tests ü ");

    public void Dispose() => _folder.Delete(recursive: true);

    public static string Golden(string name = "") => Path.Combine(RepositoryRoot.Find(), "tests", "Data", "golden", name);

    [Theory]
    [InlineData("audio")]
    [InlineData("vae")]
    [InlineData("whisper")]
    public void Run_GoldenFixture_Passes(string name)
    {
        ParitySummary summary = ParityRunner.Run([Golden(name)]);
        ParityResult result = Assert.Single(summary.Results);
        Assert.True(result.Outcome == ParityOutcome.Passed, result.ToString() + string.Join(Environment.NewLine, result.Comparisons));
        Assert.Equal("1 passed, 0 failed", summary.ToString());
    }

    [Fact]
    public void Run_VaeFixture_ComparesEveryRecordedTensor()
    {
        ParityResult result = Assert.Single(ParityRunner.Run([Golden("vae")]).Results);
        string[] expected =
        [
            "decoder.mid_block", "encoder.down_blocks.0", "encoder.mid_block", "encoder.mid_block.attentions.0",
            "moments", "mean", "logvar", "std", "sample", "decoded_from_mean", "decoded_from_z",
        ];
        Assert.Equal(expected, result.Comparisons.Select(c => c.Name));
    }
}
