using LatentSync.Pipelines;

namespace LatentSync.Demo;

/// <summary>What the report shows.</summary>
public sealed record DemoReportData
{
    /// <summary>The drawn video.</summary>
    public required string InputPath { get; init; }

    /// <summary>The lip-synced video.</summary>
    public required string OutputPath { get; init; }

    /// <summary>The contact sheet as a PNG file.</summary>
    public required byte[] ContactSheetPng { get; init; }

    /// <summary>Mouth openings.</summary>
    public required OpeningCurves Curves { get; init; }

    /// <summary>What the lip-sync reported.</summary>
    public required SyncReport Sync { get; init; }

    /// <summary>True when the checkpoint was trained; false puts the warning above everything.</summary>
    public required bool Trained { get; init; }

    /// <summary>Denoising steps.</summary>
    public required int InferenceSteps { get; init; }

    /// <summary>Names and versions of what took part.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }
}
