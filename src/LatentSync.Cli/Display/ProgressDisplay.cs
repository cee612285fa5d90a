using System.Globalization;
using LatentSync.Foundation.Wording;
using Spectre.Console;

namespace LatentSync.Cli.Display;

/// <summary>Progress of a run on standard error: bars on a terminal, a line for each stage elsewhere.</summary>
internal sealed class ProgressDisplay : IDisposable
{
    private readonly IAnsiConsole _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

    /// <summary>Runs <paramref name="work"/> while showing what it reports.</summary>
    public async Task<TResult> RunAsync<TResult>(Func<IProgress<ProgressLine>, Task<TResult>> work)
    {
        if (Console.IsErrorRedirected || !_console.Profile.Capabilities.Interactive)
        {
            return await work(new LineProgress(Console.Error, TimeProvider.System));
        }
        return await _console
            .Progress()
            .AutoClear(false)
            .HideCompleted(false)
            .Columns(
                new SpinnerColumn(),
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn { Width = BarWidth(_console.Profile.Width) },
                new PercentageColumn(),
                new CountColumn(),
                new TimeLeftColumn()
            )
            .StartAsync(context => work(new BarProgress(context)));
    }

    /// <inheritdoc/>
    public void Dispose() => _console.Cursor.Show();

    /// <summary>What the other columns leave, on a terminal of so many; their longest texts take about 58.</summary>
    internal static int BarWidth(int columns) => Math.Clamp(columns - 58, 4, 40);

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
        public override Spectre.Console.Rendering.IRenderable Render(
            Spectre.Console.Rendering.RenderOptions options,
            ProgressTask task,
            TimeSpan deltaTime
        ) =>
            new Text(
                task.IsIndeterminate
                    ? string.Create(CultureInfo.InvariantCulture, $"{task.Value:0} {LineOf(task).Unit}")
                    : string.Create(CultureInfo.InvariantCulture, $"{task.Value:0}/{task.MaxValue:0} {LineOf(task).Unit}"),
                new Style(Color.Grey)
            );
    }

    /// <summary>"12 min left": what the work itself says, else what the bar's pace tells.</summary>
    private sealed class TimeLeftColumn : ProgressColumn
    {
        public override Spectre.Console.Rendering.IRenderable Render(
            Spectre.Console.Rendering.RenderOptions options,
            ProgressTask task,
            TimeSpan deltaTime
        ) =>
            new Text(
                (LineOf(task).TimeLeft ?? task.RemainingTime) is { } left && !task.IsFinished
                    ? Sentence.Say($"{DurationText.Of(left.TotalSeconds, Say.IsChinese)} left")
                    : string.Empty,
                new Style(Color.Blue)
            );
    }
}
