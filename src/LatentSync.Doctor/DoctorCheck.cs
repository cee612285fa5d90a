namespace LatentSync.Doctor;

/// <summary>One thing the doctor looked at.</summary>
/// <param name="Name">Stable name, "libtorch".</param>
/// <param name="Status">How it ended.</param>
/// <param name="Message">What was found, in one sentence.</param>
/// <param name="Remedy">What to do; null when nothing need be done.</param>
public sealed record DoctorCheck(string Name, DoctorStatus Status, string Message, string? Remedy = null)
{
    /// <summary>Further lines for those who want to know more (the steps of loading libtorch); not shown by default.</summary>
    public IReadOnlyList<string> Details { get; init; } = [];

    internal static DoctorCheck Ok(string name, string message) => new(name, DoctorStatus.Ok, message);

    internal static DoctorCheck Warning(string name, string message, string remedy) => new(name, DoctorStatus.Warning, message, remedy);

    internal static DoctorCheck Error(string name, string message, string remedy) => new(name, DoctorStatus.Error, message, remedy);
}
