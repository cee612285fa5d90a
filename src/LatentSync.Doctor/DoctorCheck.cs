using LatentSync.Doctor.Wording;

namespace LatentSync.Doctor;

/// <summary>One thing the doctor looked at.</summary>
/// <param name="Name">Stable name, "libtorch".</param>
/// <param name="Status">How it ended.</param>
/// <param name="Message">What was found, in one sentence.</param>
/// <param name="Remedies">What to do, one of these, the least effort first; empty when nothing need be done.</param>
public sealed record DoctorCheck(string Name, DoctorStatus Status, string Message, IReadOnlyList<string> Remedies)
{
    /// <summary>The remedies in one sentence; null when nothing need be done.</summary>
    public string? Remedy { get; } = Remedies.Count == 0 ? null : string.Join(DoctorWords.Say("remedy.or"), Remedies);

    /// <summary>Further lines for those who want to know more (the steps of loading libtorch); not shown by default.</summary>
    public IReadOnlyList<string> Details { get; init; } = [];

    internal static DoctorCheck Ok(string name, string message) => new(name, DoctorStatus.Ok, message, []);

    internal static DoctorCheck Warning(string name, string message, params IReadOnlyList<string> remedies) =>
        new(name, DoctorStatus.Warning, message, remedies);

    internal static DoctorCheck Error(string name, string message, params IReadOnlyList<string> remedies) =>
        new(name, DoctorStatus.Error, message, remedies);
}
