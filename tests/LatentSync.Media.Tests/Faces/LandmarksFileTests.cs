using System.Text;
using LatentSync.Foundation.Faults;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Masks;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Testing;

namespace LatentSync.Media.Tests.Faces;

public sealed class LandmarksFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("landmarks '").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Load_ExampleOfTheDocumentation_IsValid()
    {
        string page = File.ReadAllText(Path.Combine(RepositoryRoot.Find(), "docs", "landmarks-file.md"));
        string example = page.Split("```json")[1].Split("```")[0];

        LandmarksFile file = LandmarksFile.Load(Write(example));

        Assert.Equal(3, file.FrameCount);
        DetectedFace first = Assert.Single(file.FacesOf(0, 1080, 1920));
        Assert.Equal(new FacePoint(588, 731.4), first.Points.Nose);
        Assert.Equal(new FacePoint(588, 730), Assert.Single(file.FacesOf(1, 1080, 1920)).Points.Nose);
        Assert.Empty(file.FacesOf(2, 1080, 1920));
        Assert.Equal(2, file.FacesOf(3, 1080, 1920).Count);
        Assert.Empty(file.FacesOf(4, 1080, 1920));
    }

    [Fact]
    public void FacesOf_VideoOfAnotherSize_AreScaled()
    {
        LandmarksFile file = LandmarksFile.Load(
            Write("""{"version": 1, "width": 100, "height": 200, "frames": [{"frame": 0, "points": [[10,20],[30,20],[20,40]]}]}""")
        );

        AlignmentPoints points = Assert.Single(file.FacesOf(0, 200, 400)).Points;

        Assert.Equal(new FacePoint(20.5, 40.5), points.LeftBrow); // pixel centres: 2 · 10 + 0.5
    }

    [Fact]
    public void Save_ThenLoad_GivesTheSameFaces()
    {
        var faces = new Dictionary<long, IReadOnlyList<DetectedFace>>
        {
            [7] = [new(new(1, 2, 30, 40), 0.75, new(new(5.125, 6), new(15.5, 6.25), new(10, 20)), true)],
            [2] = [],
        };
        string path = Path.Combine(_folder, "out.json");

        new LandmarksFile(faces, 64, 48) { FrameNumbers = LandmarksFrameNumbers.Stored }.Save(path);
        LandmarksFile read = LandmarksFile.Load(path);

        Assert.Equal(faces[7], read.FacesOf(7, 64, 48));
        Assert.Empty(read.FacesOf(2, 64, 48));
        Assert.Equal((64, 48), (read.Width, read.Height));
        Assert.Equal(LandmarksFrameNumbers.Stored, read.FrameNumbers);
        Assert.False(File.Exists(path + ".part"));
    }

    [Fact]
    public void Detect_FileDetector_AnswersByFrameIndex()
    {
        using var detector = new LandmarksFileDetector(
            Write("""{"version": 1, "frames": [{"frame": 3, "points": [[10,20],[30,20],[20,40]]}]}""")
        );

        Assert.Empty(detector.Detect(new VideoFrame(4, 4, new byte[48], 2)));
        Assert.Single(detector.Detect(new VideoFrame(4, 4, new byte[48], 3)));
        Assert.Contains("1 frames with faces", detector.Describe(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "not valid JSON at line 1")]
    [InlineData("[]", "version")]
    [InlineData("""{"version": 2, "frames": []}""", "version")]
    [InlineData("""{"version": 1}""", "no array \"frames\"")]
    [InlineData("""{"version": 1, "width": 3, "frames": []}""", "one of \"width\" and \"height\"")]
    [InlineData("""{"version": 1, "frameRate": 0, "frames": []}""", "frameRate")]
    [InlineData("""{"version": 1, "frameNumbers": "shown", "frames": []}""", "\"frameNumbers\": \"shown\"; \"read\" or \"stored\"")]
    [InlineData("""{"version": 1, "frameNumbers": 1, "frames": []}""", "\"read\" or \"stored\"")]
    [InlineData(
        """{"version": 1, "frameRate": 25, "frameNumbers": "stored", "frames": [{"time": 1}]}""",
        "entry 0 of \"frames\": it has a \"time\""
    )]
    [InlineData("""{"version": 1, "frames": [{"frame": -1}]}""", "entry 0 of \"frames\": \"frame\" is -1")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0}, {"points": null}]}""", "entry 1 of \"frames\": it has neither")]
    [InlineData("""{"version": 1, "frames": [{"time": 1}]}""", "no \"frameRate\"")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0}, {"frame": 0}]}""", "frame 0 twice")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0, "points": [[1,2],[3,4]]}]}""", "has 2 entries; 3, 5, 68 or 106")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0, "points": [[1,2],[3,4],[5]]}]}""", "a point is [5]")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0, "points": [[1,2],[3,4],[5,1e300]]}]}""", "a coordinate is 1e300")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0, "points": [[1,2],[1,2],[1,2]]}]}""", "coincide")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0, "points": [[1,2],[3,4],[5,9]], "score": 2}]}""", "\"score\" is 2")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0, "points": [[1,2],[3,4],[5,9]], "box": [5,5,1,9]}]}""", "left < right")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0, "faces": 3}]}""", "at most 64")]
    [InlineData("""{"version": 1, "frames": [7]}""", "it is 7; an object")]
    [InlineData("""{"version":"1","frames":[]}""", "version")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0, "points": [["\ud800",2],[3,4],[5,9]]}]}""", "not valid JSON at line 1, byte")]
    [InlineData("""{"version": 1, "version": 1, "frames": []}""", "occurs twice")]
    [InlineData("""{"version": 1, "frames": [{"frame": 0, "points": [[0.41,0.32],[0.58,0.33],[0.5,0.44]]}]}""", "fractions of the picture")]
    [InlineData(
        """{"version": 1, "width": 640, "height": 480, "frames": [{"frame": 0, "points": [[-0.1,0.32],[1.1,0.33],[0.5,0.44]]}]}""",
        "multiply x by the frame's width"
    )]
    [InlineData("""{"version": 1, "frames": [{"frame": 1e999, "points": null}]}""", "\"frame\" is 1e999")]
    [InlineData("", "not valid JSON at line 1")]
    public void Load_WrongContent_SaysWhereAndWhat(string json, string expected)
    {
        string path = Write(json);

        FaceException e = Assert.Throws<FaceException>(() => LandmarksFile.Load(path));

        Assert.Equal("FAC0103", e.Code);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_DeeplyNested_IsRefused() =>
        Assert.Equal(FaceFault.Landmarks, Assert.Throws<FaceException>(() => LandmarksFile.Load(Write(new string('[', 100_000)))).Fault);

    [Fact]
    public void Load_Mutated_IsReadOrRefused()
    {
        const string Text =
            """{"format": "latentsync-landmarks", "version": 1, "width": 1080, "height": 1920, "frameRate": 25, "frames": [{"frame": 0, "points": [[540.2, 655.1], [633.8, 653.9], [588.0, 731.4]]}, {"time": 0.04, "faces": [{"points": [[541, 656], [634, 655], [589, 732]], "box": [490, 600, 690, 860], "score": 0.98}]}]}""";
        int read = 0,
            refused = 0;
        foreach (string mutant in TextMutation.Of(Text, seed: 5, count: 2000))
        {
            try
            {
                _ = LandmarksFile.Load(Write(mutant)).FacesOf(0, 540, 960);
                read++;
            }
            catch (FaceException)
            {
                refused++;
            }
        }
        Assert.True(read > 20 && refused > 1000, $"{read} read, {refused} refused");
    }

    [Fact]
    public async Task Load_NamedPipe_IsRefusedWithoutWaiting()
    {
        Assert.SkipUnless(NamedPipe.IsSupported, "no named pipes here");
        string pipe = await NamedPipe.CreateAsync(Path.Combine(_folder, "pipe"));
        File.CreateSymbolicLink(Path.Combine(_folder, "link"), pipe);
        foreach (string path in (string[])[pipe, Path.Combine(_folder, "link")])
        {
            FaceException landmarks = Assert.Throws<FaceException>(() => LandmarksFile.Load(path)),
                mask = Assert.Throws<FaceException>(() => FaceMask.Load(path, 256));
            Assert.Contains("pipe", landmarks.Message, StringComparison.Ordinal);
            Assert.Contains("pipe", mask.Message, StringComparison.Ordinal);
            Assert.Equal((FaultKind.Input, FaultKind.Input), (landmarks.Kind, mask.Kind));
            MediaException media = await Assert.ThrowsAsync<MediaException>(async () =>
                await MediaProbe.ProbeAsync(path, await FfmpegTools.LocateAsync())
            );
            Assert.Equal(MediaFault.Unreadable, media.Fault);
            Assert.Contains("pipe", media.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Load_MissingFile_NamesIt() =>
        Assert.Equal(FaceFault.Missing, Assert.Throws<FaceException>(() => LandmarksFile.Load(Path.Combine(_folder, "none.json"))).Fault);

    private string Write(string json)
    {
        string path = Path.Combine(_folder, "ü.json");
        File.WriteAllText(path, json, Encoding.UTF8);
        return path;
    }
}
