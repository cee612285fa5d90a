using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync;

/// <summary>An option, or a combination of options, cannot be used.</summary>
public sealed class SyncOptionsException : ArgumentException, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="text">One clear sentence; options are written as references, <c>⟦InferenceSteps⟧</c>.</param>
    /// <param name="parameter">Property of the options that is concerned; null: several.</param>
    public SyncOptionsException(Sentence text, string? parameter = null)
    {
        Text = text;
        Parameter = parameter;
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public string? Parameter { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
