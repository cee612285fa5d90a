using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Tracking;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Video.Reading;
using LatentSync.Testing;
using LatentSync.Training.Datasets;

namespace LatentSync.Training.Tests.Datasets;

[Trait("Category", "Integration")]
public sealed class FaceClipLibraryTests(DrawnFaces drawn) : IClassFixture<DrawnFaces>
{
    private static readonly FaceClipLibraryOptions Small = new() { Resolution = 64 };

    [Fact]
    public async Task Find_DrawnClip_HasTheAlignedPixelsAndTheSpeech()
    {
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync(VideoList.OfFolder(drawn.Faces), Small);
        FaceClip? clip = await library.FindAsync(1);

        Assert.NotNull(clip);
        Assert.Equal((64, 64, Path.Combine(drawn.Faces, "clip-000006.mp4")), (clip.FrameCount, clip.Resolution, clip.Path));
        List<byte[]> expected = AlignedByHand(drawn.Options.Clip(6), 64);
        double[] errors = [.. Enumerable.Range(0, 64).Select(i => MeanError(expected[i], clip.Rgb(i)))];
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"mean error per frame in grey levels: {errors.Average():0.00}, worst {errors.Max():0.00}"
        );
        // H.264 at crf 13 with halved colour; the error against the neighbouring frame would be no less than the motion.
        Assert.True(errors.Max() < 4, $"mean error of the worst frame: {errors.Max():0.00}");
        float[] speech = drawn.Options.Clip(6).Speech;
        Assert.InRange(Correlation(speech, clip.Speech[..speech.Length]), 0.95, 1);
        Assert.Equal(64, clip.ReadArticulation()!.Frames.Count);
        Assert.Equal((64 * 64 * 64 * 3) + (clip.Speech.Length * 4), clip.Bytes);
    }

    [Fact]
    public async Task Find_VideoOfAnotherSize_IsResized()
    {
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync(VideoList.OfFolder(drawn.Faces), Small with { Resolution = 32 });
        FaceClip clip = (await library.FindAsync(0))!;
        List<byte[]> full = AlignedByHand(drawn.Options.Clip(5), 64);

        Assert.Equal(32, clip.Resolution);
        byte[] halved = new byte[32 * 32 * 3];
        for (int i = 0; i < halved.Length; i++)
        {
            (int c, int x, int y) = (i % 3, i / 3 % 32, i / 96);
            int At(int dx, int dy) => full[20][(3 * ((64 * ((2 * y) + dy)) + (2 * x) + dx)) + c];
            halved[i] = (byte)((At(0, 0) + At(1, 0) + At(0, 1) + At(1, 1)) / 4);
        }
        Assert.True(MeanError(halved, clip.Rgb(20)) < 6, $"{MeanError(halved, clip.Rgb(20)):0.00}");
    }

    [Theory]
    [InlineData("scale=54:96,setsar=1", "54x96")]
    [InlineData("scale=96:54,setsar=1", "96x54", Traits = ["Category", "Slow"])]
    [InlineData("scale=64:66,setsar=1", "64x66", Traits = ["Category", "Slow"])]
    [InlineData("setsar=2", "128x64")]
    [InlineData("scale=54:96,setsar=1", "96x54", 90)]
    public async Task Find_FilmThatIsNoSquareFace_IsRefusedInsteadOfSquashed(string filter, string shown, int rotation = 0)
    {
        using TemporaryFolder folder = new();
        await drawn.FfmpegAsync(
            "-i",
            Path.Combine(drawn.Faces, "clip-000005.mp4"),
            "-vf",
            filter,
            "-c:a",
            "copy",
            folder.File("upright.mp4")
        );
        await drawn.FfmpegAsync(
            "-i",
            folder.File("upright.mp4"),
            "-c",
            "copy",
            "-metadata:s:v:0",
            $"rotate={rotation}",
            folder.File("film.mp4")
        );
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync([folder.File("film.mp4")], Small);

        TrainingDataException refused = await Assert.ThrowsAsync<TrainingDataException>(() => library.FindAsync(0));
        Assert.Contains($"shows {shown} pixels", refused.Message, StringComparison.Ordinal);
        Assert.Contains("align", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_SquarePictureOfNarrowPixels_IsTaken()
    {
        using TemporaryFolder folder = new();
        await drawn.FfmpegAsync(
            "-i",
            Path.Combine(drawn.Faces, "clip-000005.mp4"),
            "-vf",
            "scale=128:64,setsar=1/2",
            "-c:a",
            "copy",
            folder.File("narrow.mp4")
        );
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync([folder.File("narrow.mp4")], Small);
        Assert.NotNull(await library.FindAsync(0));
    }

    /// <summary>One channel in the mix's place is no damage; a file that ends early is, whatever its channels.</summary>
    [Theory]
    [InlineData("stereo|c0=c0|c1=0*c0")]
    [InlineData("stereo|c0=c0|c1=-1*c0", Traits = ["Category", "Slow"])]
    public async Task Find_ChannelThatIsDeadOrInverted_IsTakenUnlessDamaged(string pan)
    {
        using TemporaryFolder folder = new();
        string film = folder.File("film.mp4");
        await drawn.FfmpegAsync(
            "-i",
            Path.Combine(drawn.Faces, "clip-000005.mp4"),
            "-c:v",
            "copy",
            "-af",
            $"pan={pan}",
            "-c:a",
            "aac",
            "-movflags",
            "+faststart",
            film
        );
        byte[] bytes = await File.ReadAllBytesAsync(film);
        await File.WriteAllBytesAsync(folder.File("cut.mp4"), bytes[..(bytes.Length * 9 / 10)]);
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync([film, folder.File("cut.mp4")], Small);

        FaceClip clip = (await library.FindAsync(0))!;
        Assert.True(clip.Speech.ToArray().Max() > 0.02, "the speech is there");
        Assert.Null(await library.FindAsync(1));
        Assert.Contains("is damaged", Assert.Single(library.Skipped).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_UselessVideos_AreSkippedAndNamed()
    {
        using TemporaryFolder folder = new();
        string good = Path.Combine(drawn.Faces, "clip-000005.mp4");
        byte[] bytes = await File.ReadAllBytesAsync(good);
        await File.WriteAllBytesAsync(folder.File("cut.mp4"), bytes[..(bytes.Length / 3 * 2)]);
        await File.WriteAllTextAsync(folder.File("text.mp4"), "no video");
        await File.WriteAllBytesAsync(folder.File("empty.mp4"), []);
        await drawn.FfmpegAsync("-i", good, "-c:v", "copy", "-an", folder.File("mute.mp4"));
        await drawn.FfmpegAsync("-i", good, "-t", "1", folder.File("short.mp4"));
        await drawn.FfmpegAsync("-i", good, "-r", "30", folder.File("rate.mp4"));
        await File.WriteAllTextAsync(
            folder.File("list.txt"),
            $"cut.mp4\ntext.mp4\nempty.mp4\n{good}\nmute.mp4\nshort.mp4\nrate.mp4\ngone.mp4\n"
        );
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync(VideoList.OfFile(folder.File("list.txt")), Small);

        Assert.Equal(1, await library.CheckAsync());

        string[] names = [.. library.Skipped.Select(video => Path.GetFileName(video.Path))];
        Assert.Equal(["cut.mp4", "text.mp4", "empty.mp4", "mute.mp4", "short.mp4", "rate.mp4", "gone.mp4"], names);
        Assert.Contains("no audio", library.Skipped[3].Reason, StringComparison.Ordinal);
        Assert.Contains("at least 48", library.Skipped[4].Reason, StringComparison.Ordinal);
        Assert.Contains("30 frames per second", library.Skipped[5].Reason, StringComparison.Ordinal);
        Assert.Contains("does not exist", library.Skipped[6].Reason, StringComparison.Ordinal);
        Assert.NotNull(await library.FindAsync(3));
    }

    [Fact]
    public async Task Find_NothingUseful_RefusesWithReasons()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder.File("a.mp4"), "no video");
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync([folder.File("a.mp4"), folder.File("gone.mp4")], Small);

        TrainingDataException e = await Assert.ThrowsAsync<TrainingDataException>(() => new WindowSampler(library).DrawAsync(1, 0, 0));

        Assert.Contains("None of the 2 videos", e.Message, StringComparison.Ordinal);
        Assert.Contains("gone.mp4", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Find_SmallMemory_KeepsTheClipsUsedLast()
    {
        using FaceClipLibrary roomy = await FaceClipLibrary.OpenAsync(VideoList.OfFolder(drawn.Faces), Small);
        long one = (await roomy.FindAsync(0))!.Bytes;
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync(
            VideoList.OfFolder(drawn.Faces),
            Small with
            {
                CacheBytes = (2 * one) + (one / 2),
            }
        );

        foreach (int index in (int[])[0, 1, 0, 2, 0, 2])
        {
            Assert.NotNull(await library.FindAsync(index));
        }
        Assert.Equal(3, library.Decodes);
        Assert.InRange(library.CachedBytes, one + 1, library.Options.CacheBytes);
        await library.FindAsync(1); // was let go of
        Assert.Equal(4, library.Decodes);
    }

    [Fact]
    public async Task Find_ManyAtOnce_DecodesOnce()
    {
        using FaceClipLibrary library = await FaceClipLibrary.OpenAsync(VideoList.OfFolder(drawn.Faces), Small);

        FaceClip?[] clips = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => library.FindAsync(i % 2)));

        Assert.Equal(2, library.Decodes);
        Assert.Equal(2, clips.Distinct().Count());
    }

    [Fact]
    public async Task Find_Disposed_IsRefused()
    {
        FaceClipLibrary library = await FaceClipLibrary.OpenAsync(VideoList.OfFolder(drawn.Faces), Small);
        library.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => library.FindAsync(0));
    }

    /// <summary>The steps of inference, one by one, without the stage that the writer uses.</summary>
    private static List<byte[]> AlignedByHand(SyntheticClip clip, int resolution)
    {
        FaceTrack track = new();
        FaceTemplate template = new(resolution);
        FaceAligner aligner = new(template);
        List<VideoFrame> frames = [];
        List<TrackedFrame> decided = [];
        foreach (SyntheticFrame frame in clip.Frames())
        {
            frames.Add(frame.Frame.Clone());
            decided.AddRange(
                track.Push(
                    frame.Frame.Index,
                    [new DetectedFace(FaceProportions.BoxAround(frame.Landmarks.Alignment), 1, frame.Landmarks.Alignment, true)]
                )
            );
            frame.Dispose();
        }
        decided.AddRange(track.Complete());
        return [.. decided.Zip(frames, (where, frame) => FaceWarper.Crop(frame, aligner.Align(where.Face!.Points), template).Square.Rgb)];
    }

    private static double MeanError(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double sum = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            sum += Math.Abs(expected[i] - actual[i]);
        }
        return sum / expected.Length;
    }

    private static double Correlation(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double ab = 0,
            aa = 0,
            bb = 0;
        for (int i = 0; i < a.Length; i++)
        {
            (ab, aa, bb) = (ab + (a[i] * b[i]), aa + (a[i] * a[i]), bb + (b[i] * b[i]));
        }
        return ab / Math.Sqrt(aa * bb);
    }
}
