using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Display;

/// <summary>Progress for a file or a pipe: one line as each stage begins. A stage that takes long also says now and then how far it is,
/// unless it runs beside another that does.</summary>
/// <param name="writer">Where the lines go.</param>
/// <param name="time">The clock.</param>
internal sealed class LineProgress(TextWriter writer, TimeProvider time) : IProgress<ProgressLine>
{
    /// <summary>The first news of a long stage come after so long; each later one after twice the time before.</summary>
    public static readonly TimeSpan FirstNews = TimeSpan.FromMinutes(1);

    /// <summary>At most this long without news.</summary>
    public static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, Stage> _stages = [];
    private readonly Lock _gate = new();

    public void Report(ProgressLine value)
    {
        lock (_gate)
        {
            long now = time.GetTimestamp();
            if (!_stages.TryGetValue(value.Title, out Stage? stage))
            {
                _stages.Add(value.Title, new Stage(new Pace(value.Done, now), now));
                writer.WriteLine(
                    value.Total is { } whole
                        ? Sentence.Say($"{value.Title}: {whole} {(whole == 1 ? value.Unit.TrimEnd('s') : value.Unit)}")
                        : value.Title
                );
                return;
            }
            bool isOver = value.Total is { } end && value.Done >= end;
            if (value.IsBeside || isOver || time.GetElapsedTime(stage.Last, now) < stage.Wait)
            {
                return;
            }
            stage.Last = now;
            stage.Wait = TimeSpan.FromTicks(Math.Min(stage.Wait.Ticks * 2, LongestSilence.Ticks));
            TimeSpan? known = value.TimeLeft ?? (value.Total is { } total ? stage.Pace.TimeLeft(value.Done, total, now, time) : null);
            string count = value.Total is { } all ? $"{value.Done}/{all}" : $"{value.Done}";
            writer.WriteLine(
                Sentence.Say(
                    known is { } remaining
                        ? (Sentence)
                            $"{value.Title}: {count} {value.Unit}, about {DurationText.Of(remaining.TotalSeconds, Say.IsChinese)} left"
                        : $"{value.Title}: {count} {value.Unit}"
                )
            );
        }
    }

    private sealed class Stage(Pace pace, long begun)
    {
        public Pace Pace { get; } = pace;

        public long Last { get; set; } = begun;

        public TimeSpan Wait { get; set; } = FirstNews;
    }
}
