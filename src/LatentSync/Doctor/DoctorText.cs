namespace LatentSync.Doctor;

/// <summary>What a row of the doctor's text is.</summary>
public enum DoctorRowKind
{
    /// <summary>The first row: will it run?</summary>
    Verdict,

    /// <summary>A title.</summary>
    Heading,

    /// <summary>A check or a backend.</summary>
    Finding,

    /// <summary>What to do about the finding above.</summary>
    Remedy,
}

/// <summary>One row of the doctor's text: what a console colours and a file prints.</summary>
/// <param name="Kind">What the row is.</param>
/// <param name="Status">How it ended; null for headings.</param>
/// <param name="Label">The check's or the backend's name; empty otherwise.</param>
/// <param name="Text">The sentence.</param>
public sealed record DoctorRow(DoctorRowKind Kind, DoctorStatus? Status, string Label, string Text);

/// <summary>Writes a report for a person: the verdict first, then what needs doing, then the rest.</summary>
public static class DoctorText
{
    /// <summary>The report as rows.</summary>
    /// <param name="report">The report.</param>
    /// <param name="details">Also show each check's details (the steps of loading libtorch).</param>
    public static IReadOnlyList<DoctorRow> Rows(DoctorReport report, bool details = false)
    {
        ArgumentNullException.ThrowIfNull(report);
        var rows = new List<DoctorRow> { Verdict(report), new(DoctorRowKind.Heading, null, "", "Components") };
        foreach (DoctorCheck check in report.Checks)
        {
            rows.Add(new DoctorRow(DoctorRowKind.Finding, check.Status, check.Name, check.Message));
            if (check.Remedy is not null)
            {
                rows.Add(new DoctorRow(DoctorRowKind.Remedy, check.Status, "", check.Remedy));
            }
            rows.AddRange(details ? check.Details.Select(detail => new DoctorRow(DoctorRowKind.Finding, null, "", detail)) : []);
        }
        if (report.Backends.Count > 0)
        {
            rows.Add(new DoctorRow(DoctorRowKind.Heading, null, "", "Attention backends"));
            rows.AddRange(report.Backends.SelectMany(Backend));
        }
        return rows;
    }

    /// <summary>The report as plain text, one row a line, without colour.</summary>
    /// <param name="report">The report.</param>
    /// <param name="details">Also show each check's details.</param>
    public static string Render(DoctorReport report, bool details = false)
    {
        IReadOnlyList<DoctorRow> rows = Rows(report, details);
        int width = rows.Max(row => row.Label.Length);
        return string.Join('\n', rows.Select(row => Line(row, width))) + "\n";
    }

    private static DoctorRow Verdict(DoctorReport report)
    {
        DoctorCheck[] errors = report.Checks.Where(check => check.Status == DoctorStatus.Error).ToArray();
        if (errors.Length > 0)
        {
            return new DoctorRow(DoctorRowKind.Verdict, DoctorStatus.Error, "", $"LatentSync cannot run here: {string.Join(", ", errors.Select(check => check.Name))}.");
        }
        int warnings = report.Checks.Count(check => check.Status == DoctorStatus.Warning);
        string device = report.Machine.Gpus.Any(gpu => gpu.ComputeCapability is not null) && report.Machine.LibTorch.Flavor is not (null or "cpu") ? "GPU" : "CPU";
        string backend = report.Backends.FirstOrDefault(candidate => candidate.Available) is { } first ? $", {first.Name}" : "";
        string rest = warnings == 0 ? "" : FormattableString.Invariant($" {warnings} thing{(warnings == 1 ? "" : "s")} could be better.");
        return new DoctorRow(DoctorRowKind.Verdict, warnings == 0 ? DoctorStatus.Ok : DoctorStatus.Warning, "", $"LatentSync will run here ({device}{backend}).{rest}");
    }

    private static IEnumerable<DoctorRow> Backend(BackendStatus backend)
    {
        if (backend.Available)
        {
            yield return new DoctorRow(DoctorRowKind.Finding, DoctorStatus.Ok, backend.Name, "runs");
            yield break;
        }
        foreach (BackendReason reason in backend.Reasons)
        {
            yield return new DoctorRow(DoctorRowKind.Finding, DoctorStatus.Warning, backend.Name, $"{reason.Code} {reason.Message} Found {reason.Found}; required {reason.Required}.");
            yield return new DoctorRow(DoctorRowKind.Remedy, DoctorStatus.Warning, "", reason.Remedy);
        }
        if (backend.Reasons.Count == 0)
        {
            yield return new DoctorRow(DoctorRowKind.Finding, DoctorStatus.Warning, backend.Name, "does not run");
        }
    }

    private static string Line(DoctorRow row, int width)
    {
        string mark = row.Status switch
        {
            DoctorStatus.Ok => "ok     ",
            DoctorStatus.Warning => "WARNING",
            DoctorStatus.Error => "ERROR  ",
            _ => "       ",
        };
        return row.Kind switch
        {
            DoctorRowKind.Verdict => row.Text,
            DoctorRowKind.Heading => $"\n{row.Text}",
            DoctorRowKind.Remedy => $"  {new string(' ', mark.Length)} {new string(' ', width)} -> {row.Text}",
            _ => $"  {mark} {row.Label.PadRight(width)} {row.Text}",
        };
    }
}
