using LatentSync.Attention.Failures;

namespace LatentSync.Doctor;

/// <summary>Something that would make LatentSync better on a machine where it runs.</summary>
/// <param name="Text">What to do and what it brings.</param>
/// <param name="Effort">What it asks of the user.</param>
public sealed record DoctorSuggestion(string Text, RemedyEffort Effort);
