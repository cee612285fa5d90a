using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Options;
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

    /// <summary>Throws for the first option of a record that cannot be used by its declaration.</summary>
    /// <typeparam name="T">The record.</typeparam>
    /// <param name="table">Its declarations.</param>
    /// <param name="options">The record.</param>
    /// <exception cref="SyncOptionsException">Names the option, its value and what is allowed.</exception>
    public static void ThrowIfWrong<T>(OptionTable<T> table, T options)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(table);
        if (table.FindObjection(options) is var (objection, name))
        {
            throw new SyncOptionsException(objection, name);
        }
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
