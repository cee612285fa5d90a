using LatentSync.Models.SyncNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.SyncNets;

public sealed class SyncScoreTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(-7)]
    [InlineData(15)]
    [InlineData(-15)]
    public void FromDistances_ShiftedSound_NamesTheDelayThatPutsItRight(int early)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor lips, Tensor sound) = Shifted(60, early);
        SyncScore score = SyncScore.FromDistances(lips, sound);
        Assert.Equal(early, score.Offset);
        Assert.InRange(score.Confidence, 1, 100);
    }

    [Fact]
    public void FromDistances_AnyEmbeddings_EqualsTheDefinition()
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor lips, Tensor sound) = Shifted(9, 2); // fewer frames than the reach: zeros take part
        SyncScore score = SyncScore.FromDistances(lips, sound);
        double[] expected = new double[31];
        for (int i = 0; i < 31; i++)
        {
            for (int f = 0; f < 9; f++)
            {
                int at = f + i - 15;
                double sum = 0;
                for (int d = 0; d < 8; d++)
                {
                    double difference = lips[f, d].item<float>() - (at is >= 0 and < 9 ? sound[at, d].item<float>() : 0) + 1e-6;
                    sum += difference * difference;
                }
                expected[i] += Math.Sqrt(sum) / 9;
            }
        }
        Assert.Equal(31, score.Curve.Count);
        for (int i = 0; i < 31; i++)
        {
            Assert.Equal(expected[i], score.Curve[i], 1e-5);
        }
        Assert.Equal(expected.Order().ElementAt(15) - expected.Min(), score.Confidence, 1e-5);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(4, 5)]
    [InlineData(-9, 7)]
    public void FromSimilarities_ShiftedSound_NamesTheDelayThatPutsItRight(int early, int step)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor visual, Tensor sound) = Shifted(60, early);
        visual = nn.functional.normalize(visual.abs());
        sound = nn.functional.normalize(sound.abs());
        int[] frames = [.. Enumerable.Range(0, 60).Where(f => f % step == 0)];
        SyncScore score = SyncScore.FromSimilarities(visual.index_select(0, tensor(frames.Select(f => (long)f).ToArray())), frames, sound);
        Assert.Equal(early, score.Offset);
        Assert.Equal(1, score.Curve.Max(), 1e-5);
        Assert.InRange(score.Confidence, 0.05, 1);
    }

    [Fact]
    public void FromSimilarities_ShortTrack_LeavesOutShiftsWithoutPartners()
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor visual, Tensor sound) = Shifted(4, 0);
        SyncScore score = SyncScore.FromSimilarities(visual, [0, 1, 2, 3], sound);
        Assert.Equal(7, score.Curve.Count(v => !double.IsNaN(v)));
        Assert.Equal(0, score.Offset);
    }

    [Fact]
    public void FromDistances_DifferentShapes_AreRefused()
    {
        using DisposeScope scope = NewDisposeScope();
        Assert.Contains(
            "(2, 3) and (3, 3)",
            Assert.Throws<ArgumentException>(() => SyncScore.FromDistances(zeros([2, 3]), zeros([3, 3]))).Message
        );
    }

    // sound[f] belongs to lips[f + early]: it comes so many frames too early.
    private static (Tensor Lips, Tensor Sound) Shifted(int count, int early)
    {
        Generator generator = new(5);
        Tensor all = randn([count + 30, 8], generator: generator);
        all = all / all.norm(1, keepdim: true) * 3;
        return (all.narrow(0, 15, count), all.narrow(0, 15 + early, count));
    }
}
