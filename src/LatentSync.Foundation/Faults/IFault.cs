using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Faults;

/// <summary>An exception that a host can show as it is. All of LatentSync's own exceptions are faults.</summary>
public interface IFault
{
    /// <summary>What has to change.</summary>
    FaultKind Kind { get; }

    /// <summary>Stable code such as "MED0105"; null where the fault has none.</summary>
    string? Code => null;

    /// <summary>Property of the options that is concerned, such as "InferenceSteps"; null: none, or several.</summary>
    string? Parameter => null;

    /// <summary>What happened.</summary>
    Sentence Text { get; }

    /// <summary>What to do, where it is known apart from <see cref="Text"/>; null otherwise.</summary>
    Sentence? Remedy => null;

    /// <summary>The line ends of <see cref="Text"/> are its own; elsewhere a line end is part of somebody's file name.</summary>
    bool HasLines => false;
}
