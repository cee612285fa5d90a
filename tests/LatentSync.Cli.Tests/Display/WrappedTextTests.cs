using LatentSync.Cli.Display;
using LatentSync.Doctor;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Tests.Display;

/// <summary>Reports and errors on a terminal of 60 columns: broken between words, what continues a line stands further in.</summary>
public sealed class WrappedTextTests
{
    private const int Narrow = 60;

    private static SyncReport Report { get; } =
        new()
        {
            OutputPath = "/home/me/talk.dubbed.mp4",
            Frames = 90000,
            NetworkFrames = 90000,
            FrameRate = 25,
            Width = 1920,
            Height = 1080,
            FaceResolution = 256,
            DurationSeconds = 3600,
            FrameMapping = "25 frames per second in and out, one network frame for each of them, none repeated",
            Detector = "InsightFace",
            FacesFound = 89000,
            FacesInterpolated = 12,
            WithoutFace = [new TimeRange(1, 2.5)],
            Device = "cpu",
            DType = "f32",
            DTypeReason = "this processor has no instructions for bf16",
            Seed = 1247,
            Attention = [],
            StageSeconds = new Dictionary<string, double>
            {
                ["load"] = 8.24,
                ["audio"] = 0.4,
                ["faces"] = 340,
                ["denoise"] = 3011,
                ["write"] = 75,
            },
            SecondsPerStep = 1.234,
            TotalSeconds = 3446,
            PeakMemoryBytes = 7L << 30,
            Warnings = ["The video's colour range is not said in the file; the usual one of television is assumed."],
        };

    [Fact]
    public void Lines_SyncReport_FitsTheTerminal()
    {
        string[] lines = [.. SyncReportDisplay.Lines(Report).SelectMany(line => WrappedText.Lines(line, Narrow, 11))];

        Assert.All(lines, line => Assert.True(Columns.Width(line) <= Narrow, line));
        Assert.Contains(lines, line => line.StartsWith(new string(' ', 13), StringComparison.Ordinal) && line[13] != ' ');
        Assert.Equal(
            string.Join(' ', SyncReportDisplay.Lines(Report)).Split(' ', StringSplitOptions.RemoveEmptyEntries),
            string.Join(' ', lines).Split(' ', StringSplitOptions.RemoveEmptyEntries)
        );
    }

    [Fact]
    public void Lines_SyncReport_SaysDurationsForPeopleAndWhichStagesOverlap()
    {
        string time = Assert.Single(SyncReportDisplay.Lines(Report), line => line.StartsWith("  time ", StringComparison.Ordinal));

        Assert.Equal(
            "  time       57 min: load 8.2 s, audio 0.4 s, faces 5 min 40 s, denoise 50 min, write 1 min 15 s (faces overlaps with denoise and write)",
            time
        );
        Assert.Contains("1080, 25 fps, 90000 frames, 1 h", string.Join('\n', SyncReportDisplay.Lines(Report)), StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_NoTerminal_AreWhole() => Assert.Equal([new string('x', 300)], WrappedText.Lines(new string('x', 300), null));

    [Fact]
    public void Lines_SeveralLines_KeepTheirIndentation()
    {
        string[] lines =
        [
            .. WrappedText.Lines("ATT0004 first line\n    and one that stands further in than the others and is long", 40, 2),
        ];

        Assert.Equal(["ATT0004 first line", "    and one that stands further in than", "      the others and is long"], lines);
    }

    [Fact]
    public void Lines_NumberAndUnit_StayTogether() =>
        Assert.Equal(
            ["the stages took", "0.62 s, 57 min and", "2 GiB; 3 steps"],
            WrappedText.Lines("the stages took 0.62 s, 57 min and 2 GiB; 3 steps", 18)
        );

    [Fact]
    public void Fitted_DoctorRow_GoesOnBelowItsText()
    {
        DoctorRow row = new(
            DoctorRowKind.Finding,
            DoctorStatus.Warning,
            "libtorch",
            "a sentence that is as long as the report's own lines are and so does not fit"
        );

        DoctorRow[] rows = [.. DoctorDisplay.Fitted(row, Narrow)];

        Assert.True(rows.Length > 1);
        Assert.All(rows, part => Assert.True(Columns.Width(DoctorText.Line(part)) <= Narrow, DoctorText.Line(part)));
        Assert.Equal((DoctorStatus.Warning, "libtorch"), (rows[0].Status!.Value, rows[0].Label));
        Assert.All(rows[1..], part => Assert.Equal((null, ""), (part.Status, part.Label)));
        Assert.Equal(row.Text, string.Join(' ', rows.Select(part => part.Text)));
        Assert.Equal([row], DoctorDisplay.Fitted(row, 120));
    }

    [Fact]
    public void Joined_DoctorRows_AreTheParagraphsThatWereBroken()
    {
        DoctorRow[] paragraphs =
        [
            new(DoctorRowKind.Verdict, DoctorStatus.Error, "", string.Join(' ', Enumerable.Range(1, 40).Select(i => $"word{i}"))),
            new(DoctorRowKind.Finding, DoctorStatus.Ok, "cpu", string.Join(' ', Enumerable.Range(1, 30).Select(i => $"fact{i}"))),
            new(DoctorRowKind.Finding, null, "", "A detail of its own."),
            new(DoctorRowKind.Item, null, "-", string.Concat(Enumerable.Repeat("汉字", 60))),
            new(DoctorRowKind.Item, null, "-", "short"),
        ];
        DoctorRow[] broken = [.. paragraphs.SelectMany(row => DoctorDisplay.Fitted(row, DoctorText.Width))];

        Assert.True(broken.Length > paragraphs.Length + 2);
        Assert.Equal(paragraphs, DoctorDisplay.Joined(broken));
    }
}
