using LatentSync.Cli.Display;

namespace LatentSync.Cli.Tests.Display;

/// <summary>Progress in a file: a line for each stage, and news of those that take long.</summary>
public sealed class LineProgressTests
{
    private readonly StringWriter _text = new();
    private readonly Clock _clock = new();
    private readonly LineProgress _progress;

    public LineProgressTests() => _progress = new LineProgress(_text, _clock);

    private string[] Lines => _text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    [Fact]
    public void Report_StagesInTurns_IsOneLineEach()
    {
        IProgress<SyncProgress> sync = ProgressLine.Of(_progress);
        for (int frame = 0; frame <= 40; frame++)
        {
            _clock.Pass(TimeSpan.FromSeconds(10)); // long enough for news of all three
            sync.Report(new SyncProgress(SyncStage.Faces, Math.Min(frame + 8, 40), 40, "frames"));
            sync.Report(new SyncProgress(SyncStage.Denoise, frame / 40, 1, "steps"));
            sync.Report(new SyncProgress(SyncStage.Write, frame, 40, "frames"));
        }

        Assert.Equal(
            ["finding faces: 40 frames", "animating the mouth: 1 step", "writing the video: 40 frames"],
            Lines.Where(line => !line.Contains('/'))
        );
        Assert.All(
            Lines.Where(line => line.Contains('/')),
            line => Assert.StartsWith("animating the mouth: 0/1 steps", line, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Report_LongStage_TellsAfterAMinuteAndThenEverMoreSeldom()
    {
        for (int second = 0; second <= 3446; second++)
        {
            _progress.Report(new ProgressLine("animating", second, 6892, "steps"));
            _clock.Pass(TimeSpan.FromSeconds(1));
        }

        Assert.Equal("animating: 6892 steps", Lines[0]);
        Assert.Equal("animating: 60/6892 steps, about 1 h 54 min left", Lines[1]);
        Assert.Equal("animating: 180/6892 steps, about 1 h 52 min left", Lines[2]);
        Assert.InRange(Lines.Length, 6, 10); // 1, 3, 7, 15, 25, 35, 45, 55 minutes
    }

    [Fact]
    public void Report_TimeLeftThatTheWorkKnows_IsSaidForPeople()
    {
        _progress.Report(new ProgressLine("training", 1, null, "steps"));
        _clock.Pass(LineProgress.FirstNews);
        _progress.Report(new ProgressLine("training", 2, null, "steps") { TimeLeft = TimeSpan.FromSeconds(3446) });

        Assert.Equal(["training", "training: 2 steps, about 57 min left"], Lines);
    }

    private sealed class Clock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Pass(TimeSpan time) => _now += time.Ticks;
    }
}
