using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Demo;

/// <summary>What a finished demo wrote and measured.</summary>
public sealed record DemoResult
{
    /// <summary>The drawn video with its own speech.</summary>
    public required string InputPath { get; init; }

    /// <summary>The new speech.</summary>
    public required string SpeechPath { get; init; }

    /// <summary>The lip-synced video.</summary>
    public required string OutputPath { get; init; }

    /// <summary>The same head drawn speaking the new speech, which the network never sees.</summary>
    public required string ReferencePath { get; init; }

    /// <summary>The page that shows it all.</summary>
    public required string ReportPath { get; init; }

    /// <summary>Faces of input, output and reference, frame under frame.</summary>
    public required string ContactSheetPath { get; init; }

    /// <summary>The checkpoint that was used.</summary>
    public required string CheckpointFolder { get; init; }

    /// <summary>False for seeded random weights, true for all others.</summary>
    public required bool Trained { get; init; }

    /// <summary>What the lip-sync reported.</summary>
    public required SyncReport Sync { get; init; }

    /// <summary>Mouth openings per frame of the output.</summary>
    public required OpeningCurves Curves { get; init; }

    /// <summary>How good the result is.</summary>
    public required ClipQuality Quality { get; init; }

    /// <summary>Seconds for everything, from drawing to report.</summary>
    public required double TotalSeconds { get; init; }
}
