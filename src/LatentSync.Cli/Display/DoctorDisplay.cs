using LatentSync.Doctor;
using Spectre.Console;
using Columns = LatentSync.Foundation.Wording.Columns;

namespace LatentSync.Cli.Display;

/// <summary>The doctor's rows: coloured on a terminal, plain text elsewhere.</summary>
internal static class DoctorDisplay
{
    public static void Write(DoctorReport report, bool details)
    {
        IReadOnlyList<DoctorRow> rows = DoctorText.Rows(report, details);
        if (TerminalWidth.OfOutput is not { } width)
        {
            foreach (DoctorRow row in rows)
            {
                Console.Out.WriteLine(DoctorText.Line(row));
            }
            return;
        }
        foreach (DoctorRow row in width < DoctorText.Width ? Joined(rows).SelectMany(row => Fitted(row, width)) : rows)
        {
            AnsiConsole.MarkupLine(Coloured(row));
        }
    }

    /// <summary>Rows with those that only continue them in one: what was broken at the report's width is to be broken at the terminal's. A
    /// row continues the one before when its first word had no room there.</summary>
    internal static IReadOnlyList<DoctorRow> Joined(IReadOnlyList<DoctorRow> rows)
    {
        List<DoctorRow> joined = [];
        for (int i = 0; i < rows.Count; i++)
        {
            if (i > 0 && Continues(rows[i - 1], rows[i]))
            {
                string before = joined[^1].Text,
                    after = rows[i].Text;
                bool isWide = Columns.Width(before[^1..]) == 2 || Columns.Width(after[..1]) == 2;
                joined[^1] = joined[^1] with { Text = isWide ? before + after : $"{before} {after}" };
                continue;
            }
            joined.Add(rows[i]);
        }
        return joined;
    }

    private static bool Continues(DoctorRow before, DoctorRow row) =>
        row.Kind == before.Kind
        && row.Kind is DoctorRowKind.Verdict or DoctorRowKind.Finding or DoctorRowKind.Item
        && row is { Label: "", Text.Length: > 0 }
        && (row.Status is null || row.Kind == DoctorRowKind.Verdict)
        && Columns.Width(DoctorText.Line(before))
            + 1
            + Columns.Width(Columns.Width(row.Text[..1]) == 2 ? row.Text[..1] : row.Text.Split(' ')[0])
            > DoctorText.Width;

    /// <summary>A row, in as many as it needs where the terminal is narrower than the report. Rows of tables stay whole.</summary>
    internal static IEnumerable<DoctorRow> Fitted(DoctorRow row, int width)
    {
        int before = Columns.Width(DoctorText.Line(row with { Text = "|" }).TrimStart('\n')) - 1;
        if (row.Kind == DoctorRowKind.Line || before + Columns.Width(row.Text) <= width || width - before < 10)
        {
            return [row];
        }
        return Columns.Wrap(row.Text, width - before).Select((text, i) => i == 0 ? row with { Text = text } : Continued(row, text));
    }

    private static DoctorRow Continued(DoctorRow row, string text) =>
        row.Kind == DoctorRowKind.Heading
            ? row with
            {
                Kind = DoctorRowKind.Line,
                Text = text,
            }
            : row with
            {
                Label = string.Empty,
                Text = text,
                Status = row.Kind == DoctorRowKind.Verdict ? row.Status : null,
            };

    private static string Coloured(DoctorRow row)
    {
        (string colour, string mark) = row.Status switch
        {
            DoctorStatus.Ok => ("green", "✓"),
            DoctorStatus.Warning => ("yellow", "!"),
            DoctorStatus.Error => ("red", "✗"),
            _ => ("default", " "),
        };
        return row.Kind switch
        {
            DoctorRowKind.Verdict => $"[bold {colour}]{Markup.Escape(row.Text)}[/]",
            DoctorRowKind.Finding =>
                $"  [{colour}]{mark}[/]     [bold]{Markup.Escape(DoctorText.PaddedLabel(row))}[/] {Markup.Escape(row.Text)}",
            DoctorRowKind.Heading => $"[bold]{Markup.Escape(DoctorText.Line(row))}[/]",
            _ => Markup.Escape(DoctorText.Line(row)),
        };
    }
}
