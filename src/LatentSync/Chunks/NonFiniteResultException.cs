using System.Globalization;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Chunks;

/// <summary>A network gave infinity or NaN, of which no picture can be made.</summary>
public sealed class NonFiniteResultException : Exception, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="stage">Where, for instance "denoising".</param>
    /// <param name="stepNumber">Denoising step, counted from 1; null outside of the denoising.</param>
    /// <param name="totalSteps">Denoising steps in all.</param>
    /// <param name="timestep">Training step of the denoising step.</param>
    /// <param name="dtype">Element type of the network, for instance "float16".</param>
    public NonFiniteResultException(string stage, int? stepNumber, int? totalSteps, int? timestep, string dtype)
        : base(Compose(stage, stepNumber, totalSteps, timestep, dtype))
    {
        (Stage, StepNumber, TotalSteps, Timestep, DType) = (stage, stepNumber, totalSteps, timestep, dtype);
    }

    /// <summary>Where.</summary>
    public string Stage { get; }

    /// <summary>Denoising step, counted from 1; null outside of the denoising.</summary>
    public int? StepNumber { get; }

    /// <summary>Denoising steps in all.</summary>
    public int? TotalSteps { get; }

    /// <summary>Training step of the denoising step.</summary>
    public int? Timestep { get; }

    /// <summary>Element type of the network.</summary>
    public string DType { get; }

    private static string Compose(string stage, int? stepNumber, int? totalSteps, int? timestep, string dtype)
    {
        string where = stepNumber is { } number
            ? string.Create(CultureInfo.InvariantCulture, $"{stage}, step {number} of {totalSteps} (timestep {timestep})")
            : stage;
        string remedy =
            dtype == "float16" ? "use ⟦DType f32 or bf16⟧, whose range is larger"
            : dtype == "bfloat16" ? "use ⟦DType f32⟧"
            : "the checkpoint is damaged or does not belong to this configuration; check it with another copy of the file";
        return $"The network gave numbers that are not finite in {where} in {dtype}: {remedy}.";
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Failed;

    /// <inheritdoc/>
    public Sentence Text => base.Message;

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
