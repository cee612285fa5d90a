using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Models.UNets;

/// <summary>A tensor given to the U-Net has a shape that the network cannot take.</summary>
public sealed class UNetInputException : ArgumentException, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="argument">Name of the argument.</param>
    /// <param name="found">What was given, for instance its shape.</param>
    /// <param name="required">What is required, and what to do where it is not obvious.</param>
    public UNetInputException(string argument, Sentence found, Sentence required)
        : base(null)
    {
        Text = Sentence.Of($"{argument} is {found}; {required}.");
        (Argument, Found, Required) = (argument, found, required);
    }

    /// <summary>Name of the argument.</summary>
    public string Argument { get; }

    /// <summary>What was given.</summary>
    public Sentence Found { get; }

    /// <summary>What is required.</summary>
    public Sentence Required { get; }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
