using System.CommandLine;
using System.Text.Json;
using LatentSync.Attention.Problems;
using LatentSync.Cli.Display;
using LatentSync.Lab.Conformance;
using LatentSync.Lab.Parity;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>`latentsync attention run`.</summary>
internal static class RunCommand
{
    private static readonly Option<string[]> Cases = new("--case") { Description = "folder with cases.json and its .safetensors files, or the cases.json itself; may be given several times", Required = true, HelpName = "DIR" };
    private static readonly Option<string?> Backend = new("--backend") { Description = "the backend that must compute every case, or reference; default: the selection's choice", HelpName = "NAME" };
    private static readonly Option<string?> Filter = new("--filter") { Description = "only cases with this text in their name", HelpName = "TEXT" };
    private static readonly Option<string> Device = new("--device") { Description = "cpu, cuda, cuda:N or mps", DefaultValueFactory = _ => "cpu", HelpName = "NAME" };
    private static readonly Option<bool> Details = new("--details") { Description = "one line for every output of a case (--verbose too)" };
    private static readonly Option<bool> Json = new("--json") { Description = "write the results as JSON to standard output" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "run",
            "Computes cases of the ONNX operator Attention and compares with their expected outputs.",
            """
            A case that the named backend's rules refuse is skipped, with the reasons. Exit code 3 when this machine cannot run that backend at all.

            Examples:
              latentsync attention run --case tests/Data/conformance/onnx-attention
              latentsync attention run --case tests/Data/conformance/onnx-attention --backend sliced --filter gqa
            """
        )
        {
            Cases, Backend, Filter, Device, Details, Json,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), cancellationToken));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        bool json = parsed.GetValue(Json), details = parsed.GetValue(Details) || parsed.GetValue(CommandTree.Verbose);
        var options = new AttentionCaseOptions { Backend = parsed.GetValue(Backend), Filter = parsed.GetValue(Filter), Device = ReadDevice(parsed) };
        AttentionCaseSummary summary = AttentionCaseRunner.Run(
            parsed.GetRequiredValue(Cases), options, result => Write(result, json, details), cancellationToken);
        Console.Out.WriteLine(json ? JsonSerializer.Serialize(Describe(summary), JsonOutput.Options) : summary.ToString());
        if (summary is { Passed: 0, Failed: 0 } && AttentionCaseRunner.WhyNever(options) is { } why)
        {
            Console.Error.WriteLine($"latentsync: {options.Backend} does not run on this machine's {options.Device}: {why}");
            return ExitCode.Machine;
        }
        return summary.Failed == 0 && summary.Passed > 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static void Write(AttentionCaseResult result, bool json, bool details)
    {
        if (json)
        {
            return;
        }
        Console.Out.WriteLine(result);
        foreach (ParityComparison comparison in details ? result.Comparisons : [])
        {
            Console.Out.WriteLine(FormattableString.Invariant($"    {(comparison.Passed ? "ok  " : "FAIL")} {comparison.Name}  max error {comparison.MaxAbsoluteError:0.###e+0}  {comparison.Detail}"));
        }
    }

    private static object Describe(AttentionCaseSummary summary) =>
        new
        {
            results = summary.Results.Select(r => new { name = r.Name, backend = r.Backend, passed = r.Passed, outcome = r.Outcome, maxAbsError = r.MaxAbsError, message = r.Message }),
            passed = summary.Passed,
            failed = summary.Failed,
            skipped = summary.Skipped,
        };

    private static AttentionDevice ReadDevice(ParseResult parsed)
    {
        try
        {
            return AttentionDevice.Parse(parsed.GetRequiredValue(Device));
        }
        catch (FormatException exception)
        {
            throw new SyncOptionsException($"--device: {exception.Message}");
        }
    }
}
