using LatentSync.Evaluation.Quality;

namespace LatentSync.Evaluation.Demo;

/// <summary>What the report shows.</summary>
internal sealed record DemoReportData
{
    /// <summary>The drawn video.</summary>
    public required string InputPath { get; init; }

    /// <summary>The lip-synced video.</summary>
    public required string OutputPath { get; init; }

    /// <summary>The contact sheet as a PNG file.</summary>
    public required byte[] ContactSheetPng { get; init; }

    /// <summary>Mouth openings.</summary>
    public required OpeningCurves Curves { get; init; }

    /// <summary>How good the result is.</summary>
    public required ClipQuality Quality { get; init; }

    /// <summary>What the lip-sync reported.</summary>
    public required SyncReport Sync { get; init; }

    /// <summary>Whose weights were used; random ones put a warning above everything.</summary>
    public required DemoWeights Weights { get; init; }

    /// <summary>Denoising steps.</summary>
    public required int InferenceSteps { get; init; }

    /// <summary>Classifier-free guidance.</summary>
    public required double GuidanceScale { get; init; }

    /// <summary>Names and versions of what took part.</summary>
    public required IReadOnlyDictionary<string, string> Versions { get; init; }
}

/// <summary>Whose weights a demo used.</summary>
internal enum DemoWeights
{
    /// <summary>Seeded random numbers.</summary>
    Untrained,

    /// <summary>The trained checkpoint that lies beside the program.</summary>
    Embedded,

    /// <summary>The user's.</summary>
    Given,
}
