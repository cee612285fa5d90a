using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Weights.Faults;

/// <summary>Weights are not known, not to be had, or not what they should be.</summary>
public sealed class WeightsException : IOException, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">Stable code: "WGT0101".</param>
    /// <param name="kind">What has to change.</param>
    /// <param name="text">What happened.</param>
    /// <param name="remedy">What to do; null where the text says it.</param>
    /// <param name="inner">What lies below; null: nothing.</param>
    public WeightsException(string code, FaultKind kind, Sentence text, Sentence? remedy = null, Exception? inner = null)
        : base(null, inner)
    {
        (Code, Kind, Remedy) = (code, kind, remedy);
        Text = remedy is null ? text : $"{text} {remedy}";
    }

    /// <inheritdoc/>
    public FaultKind Kind { get; }

    /// <inheritdoc/>
    public string Code { get; }

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public Sentence? Remedy { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
