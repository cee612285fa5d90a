using LatentSync.Doctor;
using Spectre.Console;

namespace LatentSync.Cli.Display;

/// <summary>The doctor's rows: coloured on a terminal, plain text elsewhere.</summary>
internal static class DoctorDisplay
{
    public static void Write(DoctorReport report, bool details)
    {
        if (Console.IsOutputRedirected)
        {
            Console.Out.Write(DoctorText.Render(report, details));
            return;
        }
        IReadOnlyList<DoctorRow> rows = DoctorText.Rows(report, details);
        int width = rows.Max(r => r.Label.Length);
        foreach (DoctorRow row in rows)
        {
            AnsiConsole.MarkupLine(Line(row, width));
        }
    }

    private static string Line(DoctorRow row, int width)
    {
        (string colour, string mark) = row.Status switch
        {
            DoctorStatus.Ok => ("green", "✓"),
            DoctorStatus.Warning => ("yellow", "!"),
            DoctorStatus.Error => ("red", "✗"),
            _ => ("default", " "),
        };
        string text = Markup.Escape(row.Text), label = Markup.Escape(row.Label.PadRight(width));
        return row.Kind switch
        {
            DoctorRowKind.Verdict => $"[bold {colour}]{mark} {text}[/]",
            DoctorRowKind.Heading => $"\n[bold]{text}[/]",
            DoctorRowKind.Remedy => $"    {new string(' ', width)} [grey]→ {text}[/]",
            _ => $"  [{colour}]{mark}[/] [bold]{label}[/] {text}",
        };
    }
}
