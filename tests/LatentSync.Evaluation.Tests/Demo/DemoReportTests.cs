using System.Xml;
using System.Xml.Linq;
using LatentSync.Evaluation.Demo;
using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Tests.Demo;

[Trait("Category", "Integration")]
public sealed class DemoReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("latentsync-demo-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Write_Page_IsWellFormedAndSelfContained()
    {
        (string html, XDocument page) = Write(Data());
        Assert.DoesNotContain("://", html, StringComparison.Ordinal);
        Assert.Empty(Assert.Single(page.Descendants("script")).Attributes());
        Assert.DoesNotContain("@import", html, StringComparison.OrdinalIgnoreCase);
        foreach (XAttribute source in page.Descendants().Attributes("src"))
        {
            Assert.StartsWith("data:", source.Value, StringComparison.Ordinal);
        }
        Assert.Equal(2, page.Descendants("video").Count());
        Assert.Equal([1, 2, 3], Convert.FromBase64String(page.Descendants("img").Single().Attribute("src")!.Value.Split(',')[1]));
        Assert.Equal(3, page.Descendants("polyline").Count());
    }

    [Fact]
    public void Write_UntrainedWeights_AreNamedAboveEverything()
    {
        (_, XDocument page) = Write(Data());
        string banner = page.Descendants("strong").First().Value;
        Assert.Equal("Untrained weights: this shows that the chain runs, not what the trained network can do.", banner);
        Assert.All(
            [DemoWeights.Embedded, DemoWeights.Given],
            weights =>
            {
                (string trained, XDocument other) = Write(Data() with { Weights = weights });
                Assert.DoesNotContain("untrained", trained.ToLowerInvariant(), StringComparison.Ordinal);
                Assert.Contains("lips generated to fit it", other.Root!.Value, StringComparison.Ordinal);
            }
        );
    }

    [Fact]
    public void Write_Script_StaysInsideXml()
    {
        (string html, XDocument page) = Write(Data());
        string script = page.Descendants("script").Single().Value;
        Assert.DoesNotContain('<', script);
        Assert.DoesNotContain('&', script);
        // Every part that the script asks for is there, once.
        Assert.All(
            ["input-video", "output-video", "player", "play", "back", "forth", "seek", "clock", "sound", "speed", "plot", "playhead"],
            (Action<string>)(
                id =>
                {
                    Assert.Contains($"'{id}'", script, StringComparison.Ordinal);
                    Assert.Single(page.Descendants(), e => e.Attribute("id")?.Value == id);
                }
            )
        );
        Assert.Contains("<video id=\"input-video\" controls=\"controls\"", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "0 frames", "met")]
    [InlineData(1, "+1 frame", "missed")]
    [InlineData(-3, "-3 frames", "missed")]
    public void Write_Offset_IsThatOfTheClip(int offset, string says, string mark)
    {
        DemoReportData data = Data();
        (_, XDocument page) = Write(data with { Quality = data.Quality with { OffsetFrames = offset } });
        XElement row = page.Descendants("tr").Single(r => r.Value.StartsWith("Audio-visual offset", StringComparison.Ordinal));
        Assert.Equal([says, $"{mark} 0 frames"], row.Elements("td").Select(e => e.Value));
    }

    [Fact]
    public void Write_HostileText_IsEncoded()
    {
        DemoReportData data = Data();
        const string Hostile = "<script>alert(\"1\")</script> & 'x' \u0001 \uD800";
        data = data with
        {
            Sync = data.Sync with
            {
                Detector = Hostile,
                FrameMapping = Hostile,
                Device = Hostile,
                Warnings = [Hostile],
                Attention = [new AttentionUse(Hostile, Hostile, 3)],
            },
            Versions = new Dictionary<string, string> { [Hostile] = Hostile },
        };
        (string html, XDocument page) = Write(data);
        Assert.Single(page.Descendants("script"));
        Assert.DoesNotContain("<script>alert", html, StringComparison.Ordinal);
        Assert.Equal("<script>alert(\"1\")</script> & 'x' \\u0001 \\ud800", page.Descendants("li").Last().Value);
    }

    [Fact]
    public void Write_Figures_AreInThePage()
    {
        (_, XDocument page) = Write(Data());
        string text = page.Root!.Value;
        foreach (
            string figure in (string[])
                [
                    "torch-flash (120 calls)",
                    "unet.spatial-self",
                    "13 s",
                    "the stages overlap",
                    "faces (beside denoise and write)",
                    "77",
                    "1.50 GiB",
                    "cpu, f32 (asked for)",
                    "speech longer than expected",
                    "0.912",
                    "47.3 dB",
                    "1.07",
                    "at least 40.0 dB",
                ]
        )
        {
            Assert.Contains(figure, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Write_LandmarksFileBesideThePage_IsNamedWithoutItsFolder()
    {
        DemoReportData data = Data();
        data = data with { Sync = data.Sync with { Detector = $"landmarks file {Path.Combine(_folder, "landmarks.json")}" } };
        (string html, _) = Write(data);
        Assert.Contains("landmarks file landmarks.json: ", html, StringComparison.Ordinal);
        Assert.DoesNotContain(_folder, html, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_LargeVideo_IsReferredToByName()
    {
        DemoReportData data = Data();
        string big = Path.Combine(_folder, "big video é.mp4");
        using (FileStream stream = File.Create(big))
        {
            stream.SetLength(DemoReport.EmbeddedVideoBytes + 1);
        }
        (_, XDocument page) = Write(data with { OutputPath = big });
        Assert.Equal("big%20video%20%C3%A9.mp4", page.Descendants("video").Last().Attribute("src")!.Value);
    }

    private (string Html, XDocument Page) Write(DemoReportData data)
    {
        string path = Path.Combine(_folder, "report.html");
        DemoReport.Write(path, data);
        string html = File.ReadAllText(path);
        using XmlReader reader = XmlReader.Create(new StringReader(html), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore });
        return (html, XDocument.Load(reader));
    }

    private DemoReportData Data()
    {
        string input = Path.Combine(_folder, "input.mp4"),
            output = Path.Combine(_folder, "output.mp4");
        File.WriteAllBytes(input, [0, 1, 2]);
        File.WriteAllBytes(output, [3, 4]);
        return new DemoReportData
        {
            InputPath = input,
            OutputPath = output,
            ContactSheetPng = [1, 2, 3],
            Curves = new OpeningCurves(25, [0, 0.5, 1, 0.2], [0, 0.4, 0.9], [1, 0, 1, 0]),
            Sync = FakeSync.Report(output),
            Quality = new ClipQuality
            {
                Correlation = 0.912,
                CorrelationUnrelated = 0.21,
                CorrelationInput = 0.05,
                OffsetFrames = 0,
                PsnrOutsideMask = 47.25,
                SsimUpperFace = 0.991,
                FlickerRatio = 1.07,
            },
            Weights = DemoWeights.Untrained,
            InferenceSteps = 4,
            GuidanceScale = 1.5,
            Versions = new Dictionary<string, string> { [".NET"] = "10.0" },
        };
    }
}
