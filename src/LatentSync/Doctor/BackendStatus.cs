namespace LatentSync.Doctor;

/// <summary>Whether an attention backend can run on a machine.</summary>
/// <param name="Name">"torch-flash".</param>
/// <param name="Available">It runs here.</param>
/// <param name="Reasons">Every reason why not; empty when it is available.</param>
public sealed record BackendStatus(string Name, bool Available, IReadOnlyList<BackendReason> Reasons);

/// <summary>One reason why a backend does not run.</summary>
/// <param name="Code">Stable code, "ATT0801".</param>
/// <param name="Message">The rule in one sentence.</param>
/// <param name="Found">What was found.</param>
/// <param name="Required">What is required.</param>
/// <param name="Remedy">What to do.</param>
public sealed record BackendReason(string Code, string Message, string Found, string Required, string Remedy);
