using LatentSync.Evaluation.Demo;
using LatentSync.Foundation.Wording;
using LatentSync.Training.Datasets;

namespace LatentSync.Cli.Display;

/// <summary>How far one stage of any command has come.</summary>
/// <param name="Title">What happens, as the user reads it; identifies the stage.</param>
/// <param name="Done">Units done.</param>
/// <param name="Total">Units in all; null while unknown.</param>
/// <param name="Unit">"frames", "steps".</param>
internal readonly record struct ProgressLine(string Title, long Done, long? Total, string Unit)
{
    /// <summary>Time left, from who knows it better than the count tells; null otherwise.</summary>
    public TimeSpan? TimeLeft { get; init; }

    /// <summary>The stage runs beside one whose progress tells more: detection and writing go on with the network, chunk by
    /// chunk.</summary>
    public bool IsBeside { get; init; }

    /// <summary>Shows a lip-sync's progress.</summary>
    public static IProgress<SyncProgress> Of(IProgress<ProgressLine> sink) =>
        new Translation<SyncProgress>(
            sink,
            p => new ProgressLine(Sentence.Say(TitleOf(p.Stage)), p.Done, p.Total, UnitOf(p.Unit))
            {
                IsBeside = p.Stage is SyncStage.Faces or SyncStage.Write,
            }
        );

    /// <summary>Shows the demo's progress.</summary>
    public static IProgress<DemoProgress> OfDemo(IProgress<ProgressLine> sink) =>
        new Translation<DemoProgress>(
            sink,
            p => new ProgressLine(
                Sentence.Say(TitleOf(p.Stage)),
                p.Done,
                p.Total,
                UnitOf(p.Stage == DemoStage.Checkpoint ? "files" : "frames")
            )
        );

    /// <summary>Shows how many frames of a drawn dataset are there.</summary>
    public static IProgress<SyntheticDatasetProgress> OfDrawing(IProgress<ProgressLine> sink) =>
        new Translation<SyntheticDatasetProgress>(
            sink,
            p => new ProgressLine(Sentence.Say("drawing talking heads"), p.Frames, p.TotalFrames, UnitOf("frames"))
        );

    /// <summary>Shows an evaluation's progress.</summary>
    public static IProgress<EvaluationProgress> OfEvaluation(IProgress<ProgressLine> sink, int clips) =>
        new Translation<EvaluationProgress>(
            sink,
            p => new ProgressLine(
                Sentence.Say(clips == 1 ? (Sentence)"lip-syncing a new clip" : $"lip-syncing {clips} new clips"),
                p.FramesDone,
                p.FramesTotal,
                UnitOf("frames")
            )
        );

    private static Sentence TitleOf(SyncStage stage) =>
        stage switch
        {
            SyncStage.Load => "loading the networks",
            SyncStage.Audio => "listening to the speech",
            SyncStage.Faces => "finding faces",
            SyncStage.Denoise => "animating the mouth",
            _ => "writing the video",
        };

    private static Sentence TitleOf(DemoStage stage) =>
        stage switch
        {
            DemoStage.Draw => "drawing a talking head",
            DemoStage.Checkpoint => "making the demo's checkpoint",
            _ => "measuring the result",
        };

    /// <summary>A unit in the reader's language; one that is not known here as it is.</summary>
    internal static string UnitOf(string unit) =>
        Sentence.Say(
            unit switch
            {
                "frames" => "frames",
                "files" => "files",
                "steps" => "steps",
                "windows" => "windows",
                _ => unit,
            }
        );

    // Unlike Progress<T>, calls through at once and in order.
    private sealed class Translation<T>(IProgress<ProgressLine> sink, Func<T, ProgressLine> translate) : IProgress<T>
    {
        public void Report(T value) => sink.Report(translate(value));
    }
}
