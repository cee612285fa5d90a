using LatentSync.Media.Audio;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Video.Probing;
using LatentSync.Testing;
using LatentSync.Training.Datasets;

namespace LatentSync.Training.Tests.Datasets;

[Trait("Category", "Integration")]
public sealed class SyntheticDatasetWriterTests(DrawnFaces drawn) : IClassFixture<DrawnFaces>
{
    [Fact]
    public async Task Run_EveryClip_HasAllItsFiles()
    {
        string[] expected =
        [
            .. new[] { "clip-000005", "clip-000006", "clip-000007" }
                .SelectMany(name =>
                    new[]
                    {
                        name + ".articulation.json",
                        name + ".landmarks.json",
                        name + ".mp4",
                        name + ".wav",
                        Path.Combine("faces", name + ".mp4"),
                    }
                )
                .Order(StringComparer.Ordinal),
        ];
        string[] found =
        [
            .. Directory
                .EnumerateFiles(drawn.Folder, "*", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(drawn.Folder, path))
                .Order(StringComparer.Ordinal),
        ];
        Assert.Equal(expected, found);
        Assert.Equal((3, 0, 192L), (drawn.Result.ClipsWritten, drawn.Result.ClipsKept, drawn.Result.FramesWritten));

        MediaInfo whole = await MediaProbe.ProbeAsync(Path.Combine(drawn.Folder, "clip-000006.mp4"), drawn.Tools);
        MediaInfo face = await MediaProbe.ProbeAsync(Path.Combine(drawn.Faces, "clip-000006.mp4"), drawn.Tools);
        Assert.Equal((128, 64), (whole.RequireVideo().Width, face.RequireVideo().Width));
        Assert.All(
            [whole, face],
            media =>
                Assert.Equal(
                    (new Rational(25, 1), 64L, 16000),
                    (media.RequireVideo().FrameRate, media.RequireVideo().FrameCount, media.RequireAudio().SampleRate)
                )
        );
    }

    [Fact]
    public async Task Run_Files_AreThoseOfTheSeed()
    {
        SyntheticClip clip = drawn.Options.Clip(6);

        float[] speech = await AudioReader.ReadMonoAsync(Path.Combine(drawn.Folder, "clip-000006.wav"), drawn.Tools);
        Assert.Equal(clip.Speech.Length, speech.Length);
        Assert.All(speech.Zip(clip.Speech), pair => Assert.InRange(pair.First - pair.Second, -1e-4f, 1e-4f));
        var landmarks = LandmarksFile.Load(Path.Combine(drawn.Folder, "clip-000006.landmarks.json"));
        Assert.Equal(64, landmarks.FrameCount);
        var articulation = ArticulationFile.Load(Path.Combine(drawn.Folder, "clip-000006.articulation.json"));
        Assert.Equal(
            (25.0, 128, (int?)64, 6L, 6L, 6L),
            (
                articulation.FrameRate,
                articulation.Size,
                articulation.FaceResolution,
                articulation.IdentitySeed,
                articulation.VoiceSeed,
                articulation.SpeechSeed
            )
        );
        Assert.Equal(64, articulation.Frames.Count);
        double[] openings = clip.ImpliedOpenings();
        Assert.All(articulation.Frames.Zip(openings), pair => Assert.Equal(pair.Second, pair.First.Mouth.Opening, 5e-6));
        Assert.True(openings.Max() > 0.3, "the head does not speak");
    }

    [Fact]
    public async Task Run_Again_KeepsWhatIsCompleteAndAddsWhatIsMissing()
    {
        using TemporaryFolder folder = new();
        SyntheticDatasetOptions options = drawn.Options with { Folder = folder.Path, Count = 2, Seconds = 0.4 };
        await new SyntheticDatasetWriter(options).RunAsync();
        string kept = folder.File("clip-000005.mp4");
        DateTime written = File.GetLastWriteTimeUtc(kept);
        File.Delete(Path.Combine(folder.Path, "faces", "clip-000006.mp4"));

        SyntheticDatasetResult result = await new SyntheticDatasetWriter(options with { Count = 3 }).RunAsync();

        Assert.Equal((2, 1), (result.ClipsWritten, result.ClipsKept));
        Assert.Equal(written, File.GetLastWriteTimeUtc(kept));
        Assert.True(File.Exists(Path.Combine(folder.Path, "faces", "clip-000006.mp4")));
    }

    [Fact]
    public async Task Run_FolderOfAnotherSize_IsRefused()
    {
        TrainingDataException e = await Assert.ThrowsAsync<TrainingDataException>(() =>
            new SyntheticDatasetWriter(drawn.Options with { Resolution = 96 }).RunAsync()
        );

        Assert.Contains("64, not 96", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_FacesOnly_GivesTheSameFaces()
    {
        using TemporaryFolder folder = new();
        await new SyntheticDatasetWriter(drawn.Options with { Folder = folder.Path, Count = 1, WriteVideos = false }).RunAsync();

        Assert.False(File.Exists(folder.File("clip-000005.mp4")));
        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(drawn.Faces, "clip-000005.mp4")),
            await File.ReadAllBytesAsync(Path.Combine(folder.Path, "faces", "clip-000005.mp4"))
        );
    }

    [Fact]
    public async Task Run_Cancelled_LeavesNoUnfinishedFile()
    {
        using TemporaryFolder folder = new();
        using CancellationTokenSource stop = new();
        SyntheticDatasetWriter writer = new(drawn.Options with { Folder = folder.Path, Count = 50, Seconds = 1 });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writer.RunAsync(new AtFrame(30, stop.Cancel), stop.Token));

        Assert.DoesNotContain(
            Directory.EnumerateFiles(folder.Path, "*", SearchOption.AllDirectories),
            path => path.Contains("part", StringComparison.Ordinal)
        );
        Assert.NotEmpty(Directory.EnumerateFiles(folder.Path, "*.wav"));
    }

    [Theory]
    [InlineData(0, 1, 3, 512, 256, 1)]
    [InlineData(1, -1, 3, 512, 256, 1)]
    [InlineData(1, 1, 0.1, 512, 256, 1)]
    [InlineData(1, 1, double.NaN, 512, 256, 1)]
    [InlineData(1, 1, 3, 63, 256, 1)]
    [InlineData(1, 1, 3, 65, 256, 1)]
    [InlineData(1, 1, 3, 512, 250, 1)]
    [InlineData(1, 1, 3, 512, 256, 0)]
    public void Constructor_OptionOutOfRange_Refuses(int count, long seed, double seconds, int size, int resolution, int jobs)
    {
        SyntheticDatasetOptions options = new()
        {
            Folder = "f",
            Count = count,
            Seed = seed,
            Seconds = seconds,
            Size = size,
            Resolution = resolution,
            Jobs = jobs,
            WriteFaces = true,
        };

        Assert.Throws<TrainingDataException>(() => new SyntheticDatasetWriter(options));
    }

    private sealed class AtFrame(long frame, Action act) : IProgress<SyntheticDatasetProgress>
    {
        public void Report(SyntheticDatasetProgress value)
        {
            if (value.Frames >= frame)
            {
                act();
            }
        }
    }
}
