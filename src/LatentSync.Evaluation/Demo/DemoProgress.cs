namespace LatentSync.Evaluation.Demo;

/// <summary>Stages of the demo around the lip-sync itself, which reports its own progress.</summary>
public enum DemoStage
{
    /// <summary>Drawing and encoding the input video and the reference, counted in frames.</summary>
    Draw,

    /// <summary>Making an untrained checkpoint, where no trained one is there.</summary>
    Checkpoint,

    /// <summary>Measuring the result and writing the report, counted in frames.</summary>
    Report,
}

/// <summary>Progress of one stage.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Done">Units done.</param>
/// <param name="Total">Units in all.</param>
public readonly record struct DemoProgress(DemoStage Stage, int Done, int Total);
