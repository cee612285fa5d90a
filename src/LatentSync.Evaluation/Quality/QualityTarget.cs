using System.Globalization;

namespace LatentSync.Evaluation.Quality;

/// <summary>What one of the figures should be.</summary>
/// <param name="Name">The figure's key in JSON.</param>
/// <param name="Meaning">What it says, in a few words.</param>
/// <param name="Least">Smallest value that meets the target; null: any.</param>
/// <param name="Most">Largest value that meets the target; null: any.</param>
/// <param name="Read">Takes the figure out of a summary.</param>
/// <param name="Format">How many digits.</param>
/// <param name="Unit">Written after the number, with its blank; empty for a plain number.</param>
public sealed record QualityTarget(
    string Name,
    string Meaning,
    double? Least,
    double? Most,
    Func<QualitySummary, double> Read,
    string Format,
    string Unit = ""
)
{
    /// <summary>All figures, the most important first.</summary>
    /// <remarks>The bounds are the embedded checkpoint's; a drawing encoded the same way has a correlation of 0.98 and a ratio of 1;
    /// unrelated sentences correlate by 0 on average, with a deviation of about 0.25 for one clip of three seconds.</remarks>
    public static IReadOnlyList<QualityTarget> All { get; } =
    [
        new("correlation", "lips follow the new speech", 0.85, null, q => q.Correlation, "0.000"),
        new("correlationUnrelated", "and no other sentence", null, 0.2, q => q.CorrelationUnrelated, "0.000"),
        new("correlationInput", "the input did not", null, 0.2, q => q.CorrelationInput, "0.000"),
        new("offsetZeroFraction", "clips in time with the speech", 0.9, null, q => q.OffsetZeroFraction, "0.00"),
        new("psnrOutsideMask", "all else is left alone", 40, null, q => q.PsnrOutsideMask, "0.0", " dB"),
        new("ssimUpperFace", "the upper face is the same", 0.95, null, q => q.SsimUpperFace, "0.000"),
        new("flickerRatio", "movement by a real mouth's", 0.5, 2, q => q.FlickerRatio, "0.00"),
    ];

    /// <summary>True for a comparison that chance decides in a single clip, so that its bound holds for the mean of many only.</summary>
    public bool IsControl => Name is "correlationUnrelated" or "correlationInput";

    /// <summary>True when the figure lies within the bounds.</summary>
    /// <param name="summary">The figures.</param>
    public bool IsMet(QualitySummary summary) =>
        Read(summary) is var value && value >= (Least ?? double.NegativeInfinity) && value <= (Most ?? double.PositiveInfinity);

    /// <summary>The figure with its unit.</summary>
    /// <param name="summary">The figures.</param>
    public string Show(QualitySummary summary) => Number(Read(summary)) + Unit;

    /// <summary>The target in words.</summary>
    public string Wanted =>
        (Least, Most) switch
        {
            ({ } least, { } most) => $"{Number(least)} to {Number(most)}{Unit}",
            ({ } least, null) => $"at least {Number(least)}{Unit}",
            (null, { } most) => $"at most {Number(most)}{Unit}",
            _ => "any",
        };

    private string Number(double value) => value.ToString(Format, CultureInfo.InvariantCulture);
}
