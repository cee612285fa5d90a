using LatentSync.Media.Synthesis;
using LatentSync.Testing;
using LatentSync.Training.Datasets;

namespace LatentSync.Training.Tests.Datasets;

public sealed class ArticulationFileTests
{
    private static readonly ArticulationFile Example = ArticulationFile.Of(
        SyntheticClip.Generate(
            new SyntheticClipOptions
            {
                Seed = 3,
                DurationSeconds = 1,
                VoiceSeed = 8,
            }
        ),
        256
    );

    [Fact]
    public void Load_SavedFile_IsTheSame()
    {
        using TemporaryFolder folder = new();
        Example.Save(folder.File("a.articulation.json"));

        var read = ArticulationFile.Load(folder.File("a.articulation.json"));

        Assert.Equal(
            Example with
            {
                Frames = [],
            },
            read with
            {
                Frames = [],
            },
            (a, b) => a with { Frames = Example.Frames } == b with { Frames = Example.Frames }
        );
        Assert.Equal(25, read.Frames.Count);
        Assert.Equal(Example.Frames.Select(frame => frame.Phone), read.Frames.Select(frame => frame.Phone));
        Assert.All(Example.Frames.Zip(read.Frames), pair => Assert.Equal(pair.First.Mouth.Width, pair.Second.Mouth.Width, 5e-6));
        Assert.Equal(8, read.VoiceSeed);
        Assert.True(Example.Frames.Select(frame => frame.Phone).Distinct().Count() > 3);
    }

    [Theory]
    [InlineData("\"version\": 1", "\"version\": 2", "version")]
    [InlineData("\"opening\": 0,", "\"opening\": 1.5,", "opening")]
    [InlineData("\"phone\": \"Pause\"", "\"phone\": \"Xyz\"", "Xyz")]
    [InlineData("\"phone\": \"Pause\"", "\"phone\": \"1\"", "phone")]
    [InlineData("\"frameRate\": 25", "\"frameRate\": -1", "frameRate")]
    [InlineData("\"seeds\"", "\"sids\"", "seeds")]
    [InlineData("]}", "", "JSON")]
    public void Load_WrongEntry_SaysWhich(string old, string replacement, string named)
    {
        using TemporaryFolder folder = new();
        string json = Example.ToJson();
        Assert.Contains(old, json, StringComparison.Ordinal);
        File.WriteAllText(folder.File("a.json"), json.Replace(old, replacement, StringComparison.Ordinal));

        TrainingDataException e = Assert.Throws<TrainingDataException>(() => ArticulationFile.Load(folder.File("a.json")));

        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_Mutated_IsReadOrRefused()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a.json"),
            text = (Example with { Frames = [.. Example.Frames.Take(2)] }).ToJson();
        int read = TextMutation
            .Of(text, seed: 4, count: 1000)
            .Count(mutant =>
            {
                File.WriteAllBytes(path, System.Text.Encoding.UTF8.GetBytes(mutant));
                try
                {
                    return ArticulationFile.Load(path).Frames.Count > 0;
                }
                catch (TrainingDataException)
                {
                    return false;
                }
            });
        Assert.InRange(read, 1, 999);
    }

    [Fact]
    public void PathFor_VideoAndItsFace_FindTheSameFile()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a.articulation.json");
        Example.Save(path);

        Assert.Equal(path, ArticulationFile.PathFor(folder.File("a.mp4")));
        Assert.Equal(path, ArticulationFile.PathFor(Path.Combine(folder.Path, "faces", "a.mp4")));
        Assert.Null(ArticulationFile.PathFor(Path.Combine(folder.Path, "other", "a.mp4")));
        Assert.Null(ArticulationFile.PathFor(folder.File("b.mp4")));
    }
}
