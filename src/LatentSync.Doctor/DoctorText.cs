using System.Globalization;
using LatentSync.Attention;
using LatentSync.Attention.Failures;
using LatentSync.Foundation.Wording;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>Writes a report for a person: the verdict first, then what could be better and how, then the parts, then attention.</summary>
public static class DoctorText
{
    /// <summary>Columns of the widest line.</summary>
    public const int Width = 100;

    /// <summary>Columns of the widest label that all others are aligned with.</summary>
    private const int LabelWidth = 15;

    /// <summary>Columns before a finding's text: two spaces, the mark and the label with a space after each.</summary>
    private const int Indent = 2 + MarkWidth + 1 + LabelWidth + 1;

    private const int MarkWidth = 5;

    /// <summary>Lines that one finding may take where everything should be on one screen.</summary>
    private const int MostLines = 3;

    /// <summary>The report as lines.</summary>
    /// <param name="report">The report.</param>
    /// <param name="details">Nothing is shortened; the steps of loading libtorch, every reason, every layer and the probes are shown
    /// too.</param>
    public static IReadOnlyList<DoctorRow> Rows(DoctorReport report, bool details = false)
    {
        ArgumentNullException.ThrowIfNull(report);
        var rows = new List<DoctorRow>();
        DoctorStatus worst = report.Checks.Count == 0 ? DoctorStatus.Ok : report.Checks.Max(check => check.Status);
        rows.AddRange(Columns.Wrap(report.Verdict, Width).Select(line => new DoctorRow(DoctorRowKind.Verdict, worst, "", line)));
        rows.AddRange(Better(report));
        rows.Add(Heading(Say(report.IsDescribed ? "heading.machine" : "heading.components")));
        rows.AddRange(report.Checks.SelectMany(check => Check(check, details)));
        rows.AddRange(report.Assumptions.SelectMany(assumption => Finding(null, Say("label.assumed"), assumption, MostLines)));
        rows.AddRange(report.Notes.SelectMany(note => Finding(null, Say("label.note"), note, MostLines)));
        if (report.Survey is { } survey && (report.IsDescribed || details))
        {
            rows.AddRange(LayerTable.Rows(report, survey));
        }
        if (report.Backends.Count > 0 && (!report.IsDescribed || details))
        {
            rows.AddRange(Attention(report, details));
        }
        if (details && report.Machine.Probes.Count > 0)
        {
            rows.AddRange(Probes(report.Machine));
        }
        return rows;
    }

    /// <summary>The report as plain text without colour.</summary>
    /// <param name="report">The report.</param>
    /// <param name="details">As for <see cref="Rows"/>.</param>
    public static string Render(DoctorReport report, bool details = false) =>
        string.Concat(Rows(report, details).Select(row => Line(row) + "\n"));

    /// <summary>A row as a line of plain text; a heading has an empty line before it.</summary>
    /// <param name="row">The row.</param>
    public static string Line(DoctorRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Kind switch
        {
            DoctorRowKind.Verdict => row.Text,
            DoctorRowKind.Heading => $"\n{row.Text}",
            DoctorRowKind.Item => $"  {(row.Label.Length > 0 ? row.Label : " ")} {row.Text}",
            DoctorRowKind.Line => $"  {row.Text}".TrimEnd(),
            _ => $"  {Columns.Pad(Mark(row.Status), MarkWidth)} {PaddedLabel(row)} {row.Text}",
        };
    }

    /// <summary>The label of a finding, padded to the column of the texts.</summary>
    /// <param name="row">The row.</param>
    public static string PaddedLabel(DoctorRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return Columns.Pad(row.Label, LabelWidth);
    }

    internal static DoctorRow Heading(string text) => new(DoctorRowKind.Heading, null, "", text);

    /// <summary>A finding in lines: the first one with its mark and label.</summary>
    internal static IEnumerable<DoctorRow> Finding(DoctorStatus? status, string label, string text, int mostLines)
    {
        IReadOnlyList<string> lines = Columns.Wrap(text, Width - Indent);
        if (lines.Count > mostLines)
        {
            // The last line takes what is left and is cut.
            string rest = string.Join(' ', lines.Skip(mostLines - 1));
            lines = [.. lines.Take(mostLines - 1), Columns.Shorten(rest, Width - Indent)];
        }
        return lines.Select((line, i) => new DoctorRow(DoctorRowKind.Finding, i == 0 ? status : null, i == 0 ? label : "", line));
    }

    /// <summary>A point of a list, in lines.</summary>
    internal static IEnumerable<DoctorRow> Item(string text, string mark = "-") =>
        Columns.Wrap(text, Width - 4).Select((line, i) => new DoctorRow(DoctorRowKind.Item, null, i == 0 ? mark : "", line));

    private static string Mark(DoctorStatus? status) =>
        status switch
        {
            DoctorStatus.Ok => "ok",
            DoctorStatus.Warning => "WARN",
            DoctorStatus.Error => "ERROR",
            _ => "",
        };

    /// <summary>What is needed, when something is; then what could be better. Least effort first: options, then what a check advises
    /// (files, packages, drivers), then hardware.</summary>
    private static IEnumerable<DoctorRow> Better(DoctorReport report)
    {
        List<DoctorRow> rows = [];
        DoctorCheck[] errors = [.. report.Checks.Where(check => check is { Status: DoctorStatus.Error, Remedy: not null })];
        if (errors.Length > 0)
        {
            rows.Add(Heading(Say("heading.needed")));
            rows.AddRange(errors.SelectMany(check => Item(Say("item.of", Label(check), check.Remedy))));
        }
        string[] better =
        [
            .. report.Suggestions.Where(suggestion => suggestion.Effort <= RemedyEffort.Call).Select(suggestion => suggestion.Text),
            .. report
                .Checks.Where(check => check is { Status: not DoctorStatus.Error, Remedy: not null })
                .Select(check => Say("item.of", Label(check), check.Remedy)),
            .. report.Suggestions.Where(suggestion => suggestion.Effort > RemedyEffort.Call).Select(suggestion => suggestion.Text),
        ];
        if (better.Length > 0)
        {
            rows.Add(Heading(Say("heading.better")));
            rows.AddRange(better.SelectMany(text => Item(text)));
        }
        return rows;
    }

    private static IEnumerable<DoctorRow> Check(DoctorCheck check, bool details)
    {
        int most =
            details ? int.MaxValue
            : check.Status == DoctorStatus.Ok ? 1
            : MostLines;
        return
        [
            .. Finding(check.Status, Label(check), check.Message, most),
            .. details ? check.Details.SelectMany(detail => Finding(null, "", detail, most)) : [],
        ];
    }

    private static string Label(DoctorCheck check) => SayOr($"label.{check.Name}", check.Name);

    private static IEnumerable<DoctorRow> Attention(DoctorReport report, bool details)
    {
        yield return Heading(Say("heading.attention", report.Survey is { } survey ? survey.Answers[0].Problem.Describe() : ""));
        foreach (BackendStatus backend in report.Backends)
        {
            if (backend.Available)
            {
                string runs = Say(backend.Chosen ? "backend.chosen" : "backend.runs");
                string text =
                    backend.Name == AttentionBackendNames.ManagedFlash && report.VectorPath is { } path
                        ? $"{runs}, {DoctorVerdict.Vectors(path)}"
                        : runs;
                yield return Finding(DoctorStatus.Ok, backend.Name, text, 1).First();
                continue;
            }
            BackendReason[] shown = [.. backend.Reasons.Take(details ? backend.Reasons.Count : 1)];
            for (int i = 0; i < shown.Length; i++)
            {
                string more = !details && backend.Reasons.Count > 1 ? " " + Say("backend.more", backend.Reasons.Count - 1) : "";
                string reason = Say(
                    "backend.not",
                    $"{Say("reason", shown[i].Code, shown[i].Message, shown[i].Found, shown[i].Required)} {Advice(shown[i])}{more}"
                );
                foreach (DoctorRow row in Finding(null, i == 0 ? backend.Name : "", reason, details ? int.MaxValue : MostLines - 1))
                {
                    yield return row;
                }
            }
        }
    }

    private static string Advice(BackendReason reason) => reason.Remedies.Count == 0 ? Say("remedy.nothing") : Say("remedy", reason.Remedy);

    private static IEnumerable<DoctorRow> Probes(MachineReport machine)
    {
        yield return Heading(Say("heading.probes", machine.ProbeMilliseconds));
        foreach (Platform.Machines.ProbeOutcome probe in machine.Probes)
        {
            string time = string.Create(CultureInfo.InvariantCulture, $"{probe.Milliseconds, 6:0.0} ms  {probe.Detail}");
            foreach (DoctorRow row in Finding(probe.Succeeded ? DoctorStatus.Ok : DoctorStatus.Warning, probe.Name, time, int.MaxValue))
            {
                yield return row;
            }
        }
    }
}
