using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace LatentSync.Cli.Display;

/// <summary>Progress of a run on standard error: bars on a terminal, a line now and then elsewhere.</summary>
internal sealed class ProgressDisplay : IDisposable
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(5);

    private readonly IAnsiConsole _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

    /// <summary>Runs <paramref name="work"/> while showing what it reports.</summary>
    public async Task<TResult> RunAsync<TResult>(Func<IProgress<ProgressLine>, Task<TResult>> work)
    {
        if (Console.IsErrorRedirected || !_console.Profile.Capabilities.Interactive)
        {
            return await work(new LineProgress());
        }
        return await _console
            .Progress()
            .AutoClear(false)
            .HideCompleted(false)
            .Columns(new SpinnerColumn(), new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new CountColumn(), new TimeLeftColumn())
            .StartAsync(context => work(new BarProgress(context)));
    }

    /// <inheritdoc/>
    public void Dispose() => _console.Cursor.Show();

    /// <summary>What was last reported of a bar.</summary>
    private static ProgressLine LineOf(ProgressTask task) => task.State.Get<ProgressLine>(nameof(ProgressLine));

    private sealed class BarProgress(ProgressContext context) : IProgress<ProgressLine>
    {
        private readonly Dictionary<string, ProgressTask> _tasks = [];
        private readonly Lock _gate = new();

        public void Report(ProgressLine value)
        {
            lock (_gate)
            {
                if (!_tasks.TryGetValue(value.Title, out ProgressTask? task))
                {
                    task = context.AddTask(value.Title);
                    _tasks.Add(value.Title, task);
                }
                task.IsIndeterminate = value.Total is null;
                task.MaxValue = Math.Max(value.Total ?? Math.Max(value.Done, 1), 1);
                task.Value = value.Done;
                task.State.Update<ProgressLine>(nameof(ProgressLine), _ => value);
                if (value.Total is { } total && value.Done >= total)
                {
                    task.StopTask();
                }
            }
        }
    }

    /// <summary>"12/40 frames" beside a bar.</summary>
    private sealed class CountColumn : ProgressColumn
    {
        public override Spectre.Console.Rendering.IRenderable Render(Spectre.Console.Rendering.RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(
                task.IsIndeterminate
                    ? string.Create(CultureInfo.InvariantCulture, $"{task.Value:0} {LineOf(task).Unit}")
                    : string.Create(CultureInfo.InvariantCulture, $"{task.Value:0}/{task.MaxValue:0} {LineOf(task).Unit}"),
                new Style(Color.Grey)
            );
    }

    /// <summary>"00:12:40": what the work itself says, else what the bar's pace tells.</summary>
    private sealed class TimeLeftColumn : ProgressColumn
    {
        private readonly RemainingTimeColumn _ofPace = new();

        public override Spectre.Console.Rendering.IRenderable Render(Spectre.Console.Rendering.RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            LineOf(task).TimeLeft is { } left
                ? new Text(left.ToString(left.TotalDays < 1 ? @"hh\:mm\:ss" : @"d\.hh\:mm\:ss", CultureInfo.InvariantCulture), new Style(Color.Blue))
                : _ofPace.Render(options, task, deltaTime);
    }

    private sealed class LineProgress : IProgress<ProgressLine>
    {
        private readonly Dictionary<string, (Pace Pace, long Last)> _stages = [];
        private readonly HashSet<string> _complete = [];
        private readonly Lock _gate = new();

        public void Report(ProgressLine value)
        {
            lock (_gate)
            {
                long now = Stopwatch.GetTimestamp();
                bool first = !_stages.TryGetValue(value.Title, out (Pace Pace, long Last) stage);
                if (first)
                {
                    stage = (new Pace(value.Done, now), 0);
                }
                bool complete = value.Total is { } all && value.Done >= all;
                if (_complete.Contains(value.Title))
                {
                    return;
                }
                if (complete)
                {
                    _complete.Add(value.Title);
                }
                if (!first && !complete && Stopwatch.GetElapsedTime(stage.Last, now) < LineInterval)
                {
                    return;
                }
                _stages[value.Title] = (stage.Pace, now);
                TimeSpan? known = value.TimeLeft ?? (value.Total is { } total ? stage.Pace.TimeLeft(value.Done, total, now) : null);
                string left = known is { } remaining && !complete
                    ? string.Create(CultureInfo.InvariantCulture, $", about {remaining.TotalSeconds:0} s left")
                    : string.Empty;
                string count = value.Total is { } t ? $"{value.Done}/{t}" : $"{value.Done}";
                Console.Error.WriteLine($"{value.Title}: {count} {value.Unit}{left}");
            }
        }
    }
}
