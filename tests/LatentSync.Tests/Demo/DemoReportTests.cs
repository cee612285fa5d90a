using System.Xml;
using System.Xml.Linq;
using LatentSync.Demo;
using LatentSync.Pipelines;

namespace LatentSync.Tests.Demo;

[Trait("Category", "Integration")]
public sealed class DemoReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("latentsync-demo-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Write_Page_IsWellFormedAndSelfContained()
    {
        (string html, XDocument page) = Write(Data());
        Assert.DoesNotContain("http", html.ToLowerInvariant(), StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.OrdinalIgnoreCase);
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
        (string trained, _) = Write(Data() with { Trained = true });
        Assert.DoesNotContain("untrained", trained.ToLowerInvariant(), StringComparison.Ordinal);
    }

    [Fact]
    public void Write_HostileText_IsEncoded()
    {
        DemoReportData data = Data();
        const string Hostile = "<script>alert(\"1\")</script> & 'x' \u0001 \uD800";
        data = data with
        {
            Sync = data.Sync with { Detector = Hostile, FrameMapping = Hostile, Device = Hostile, Warnings = [Hostile], Attention = [new AttentionUse(Hostile, Hostile, 3)] },
            Versions = new Dictionary<string, string> { [Hostile] = Hostile },
        };
        (string html, XDocument page) = Write(data);
        Assert.DoesNotContain("<script>", html, StringComparison.Ordinal);
        Assert.Equal("<script>alert(\"1\")</script> & 'x' \uFFFD \uFFFD", page.Descendants("li").Last().Value);
    }

    [Fact]
    public void Write_Figures_AreInThePage()
    {
        (_, XDocument page) = Write(Data());
        string text = page.Root!.Value;
        foreach (string figure in (string[])["torch-flash (120 calls)", "unet.spatial-self", "12.50 s", "77", "1.50 GiB", "cpu, f32 (asked for)", "speech longer than expected"])
        {
            Assert.Contains(figure, text, StringComparison.Ordinal);
        }
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

    [Fact]
    public void Correlation_KnownSeries_IsRight()
    {
        Assert.Equal(1, OpeningCurves.Correlation([0, 1, 2, 3], [5, 7, 9, 11]), 1e-12);
        Assert.Equal(-1, OpeningCurves.Correlation([0, 1, 2], [0, -1, -2]), 1e-12);
        Assert.Equal(0, OpeningCurves.Correlation([1, 1, 1], [0, 1, 2]));
        Assert.Equal(0.7205766921, OpeningCurves.Correlation([1, 2, 3], [1, 3, 2.5]), 1e-9);
        Assert.Equal(0, OpeningCurves.Correlation([], []));
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
        string input = Path.Combine(_folder, "input.mp4"), output = Path.Combine(_folder, "output.mp4");
        File.WriteAllBytes(input, [0, 1, 2]);
        File.WriteAllBytes(output, [3, 4]);
        return new DemoReportData
        {
            InputPath = input,
            OutputPath = output,
            ContactSheetPng = [1, 2, 3],
            Curves = new OpeningCurves(25, [0, 0.5, 1, 0.2], [0, 0.4, 0.9], [1, 0, 1, 0]),
            Sync = FakeSync.Report(output),
            Trained = false,
            InferenceSteps = 4,
            Versions = new Dictionary<string, string> { [".NET"] = "10.0" },
        };
    }
}
