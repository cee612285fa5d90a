using LatentSync.Doctor;
using Spectre.Console;

namespace LatentSync.Cli.Display;

/// <summary>The doctor's rows: coloured on a terminal, plain text elsewhere.</summary>
internal static class DoctorDisplay
{
    public static void Write(DoctorReport report, bool details)
    {
        foreach (DoctorRow row in DoctorText.Rows(report, details))
        {
            if (Console.IsOutputRedirected)
            {
                Console.Out.WriteLine(DoctorText.Line(row));
            }
            else
            {
                AnsiConsole.MarkupLine(Coloured(row));
            }
        }
    }

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
            DoctorRowKind.Finding => $"  [{colour}]{mark}[/]     [bold]{Markup.Escape(DoctorText.PaddedLabel(row))}[/] {Markup.Escape(row.Text)}",
            DoctorRowKind.Heading => $"[bold]{Markup.Escape(DoctorText.Line(row))}[/]",
            _ => Markup.Escape(DoctorText.Line(row)),
        };
    }
}
