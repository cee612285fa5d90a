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
    public NonFiniteResultException(Sentence stage, int? stepNumber, int? totalSteps, int? timestep, string dtype)
        : base(null)
    {
        Text = Compose(stage, stepNumber, totalSteps, timestep, dtype);
        (Stage, StepNumber, TotalSteps, Timestep, DType) = (stage, stepNumber, totalSteps, timestep, dtype);
    }

    /// <summary>Where.</summary>
    public Sentence Stage { get; }

    /// <summary>Denoising step, counted from 1; null outside of the denoising.</summary>
    public int? StepNumber { get; }

    /// <summary>Denoising steps in all.</summary>
    public int? TotalSteps { get; }

    /// <summary>Training step of the denoising step.</summary>
    public int? Timestep { get; }

    /// <summary>Element type of the network.</summary>
    public string DType { get; }

    private static Sentence Compose(Sentence stage, int? stepNumber, int? totalSteps, int? timestep, string dtype)
    {
        Sentence where = stepNumber is { } number ? (Sentence)$"{stage}, step {number} of {totalSteps} (timestep {timestep})" : stage;
        Sentence remedy =
            dtype == "float16" ? "use ⟦DType f32 or bf16⟧, whose range is larger"
            : dtype == "bfloat16" ? "use ⟦DType f32⟧"
            : "the checkpoint is damaged or does not belong to this configuration; try another copy of the file";
        return $"The network produced infinite or NaN values in {where} with {dtype}: {remedy}.";
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Failed;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
