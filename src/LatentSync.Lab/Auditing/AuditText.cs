using System.Globalization;
using System.Text;

namespace LatentSync.Lab.Auditing;

/// <summary>Writes an audit's report for a person.</summary>
public static class AuditText
{
    /// <summary>The report as plain text: one line per subject, then what failed, and last the verdict.</summary>
    /// <param name="report">The report.</param>
    public static string Render(AuditReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        var text = new StringBuilder();
        Line(text, $"{report.Device}, libtorch {report.LibTorch}, seed {report.Seed}");
        if (report.Rules is { } rules)
        {
            string choices = string.Join(
                ", ",
                rules.Choices.Select(choice => string.Create(CultureInfo.InvariantCulture, $"{choice.Key} {choice.Value}"))
            );
            Line(text, $"rules    {rules.Equal} of {rules.Problems} verdicts equal to libtorch's ({choices})");
            foreach (RuleDisagreement disagreement in rules.Disagreements)
            {
                string codes = disagreement.Codes.Count > 0 ? $" ({string.Join(' ', disagreement.Codes)})" : "";
                Line(
                    text,
                    $"  problem {disagreement.Index}: libtorch {disagreement.LibTorch}, we {disagreement.Ours}{codes}: {disagreement.Problem}"
                );
            }
        }
        if (report.Faults is { } faults)
        {
            string told = string.Create(CultureInfo.InvariantCulture, $"{faults.Incidents} told, {faults.PassedOn} passed on");
            string error = string.Create(CultureInfo.InvariantCulture, $"largest error {faults.LargestError:0.###} of what is allowed");
            Line(text, $"faults   {faults.Injected} injected in {faults.Calls} calls, {faults.WrongCount} wrong results; {told}; {error}");
            faults.Wrong.ToList().ForEach(wrong => Line(text, $"  {wrong}"));
        }
        if (report.Memory is { Method: null })
        {
            Line(text, $"memory   not measured: this system shows no peak");
        }
        else if (report.Memory is { } memory)
        {
            MemoryMeasurement[] beyond = [.. memory.Measurements.Where(m => m.PeakBytes > m.EstimatedBytes + memory.AllowedBeyondBytes)];
            Line(
                text,
                $"memory   {memory.Measurements.Count - beyond.Length} of {memory.Measurements.Count} peaks within the estimate; {memory.Method}"
            );
            foreach (MemoryMeasurement measurement in memory.Measurements)
            {
                string mark = beyond.Contains(measurement) ? "BEYOND" : "within";
                double peak = measurement.PeakBytes / 1048576.0,
                    estimate = measurement.EstimatedBytes / 1048576.0;
                Line(text, $"  {mark} {measurement.Backend, -15} {peak, 9:0.0} of {estimate, 9:0.0} MiB  {measurement.Problem}");
            }
            memory.LeftOut.ToList().ForEach(left => Line(text, $"  left out: {left}"));
        }
        Line(text, $"audit {(report.Passed ? "passed" : "FAILED")}");
        return text.ToString();
    }

    private static void Line(StringBuilder text, FormattableString line) =>
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
