using System.CommandLine;
using System.Text.Json;
using LatentSync.Attention.Problems;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Foundation.Wording;
using LatentSync.Lab.Conformance;
using LatentSync.Lab.Parity;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>`latentsync attention run`.</summary>
internal static class RunCommand
{
    private static readonly Option<string[]> Cases = new("--case")
    {
        Description = "folder with cases.json and its .safetensors files, or the cases.json itself; repeat it for several",
        Required = true,
        HelpName = "DIR",
    };
    private static readonly Option<string?> Backend = new("--backend")
    {
        Description = "backend to compute every case with, or reference; default: the usual choice",
        HelpName = "NAME",
    };
    private static readonly Option<string?> Filter = new("--filter")
    {
        Description = "only cases whose name contains this",
        HelpName = "TEXT",
    };
    private static readonly Option<string> Device = new DeviceOption("cpu", "cuda", "cuda:N", "mps");
    private static readonly Option<bool> Details = new("--details") { Description = "one line for every output of a case (--verbose too)" };
    private static readonly Option<bool> Json = new("--json") { Description = "print the results as JSON" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "run",
            "Computes test cases of the ONNX operator Attention and compares them with the expected outputs.",
            """
            Cases that the named backend does not support are skipped, with the reasons. Exit code 3 if this machine cannot run it at all.

            Examples:
              latentsync attention run --case tests/Data/conformance/onnx-attention
              latentsync attention run --case tests/Data/conformance/onnx-attention --backend sliced --filter gqa
            """
        )
        {
            Cases,
            Backend,
            Filter,
            Device,
            Details,
            Json,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), cancellationToken));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        bool json = parsed.GetValue(Json),
            details = parsed.GetValue(Details) || parsed.GetValue(CommandTree.Verbose);
        var options = new AttentionCaseOptions
        {
            Backend = parsed.GetValue(Backend),
            Filter = parsed.GetValue(Filter),
            Device = ReadDevice(parsed),
        };
        AttentionCaseSummary summary = AttentionCaseRunner.Run(
            parsed.GetRequiredValue(Cases),
            options,
            result => Write(result, json, details),
            cancellationToken
        );
        string? why = summary is { Passed: 0, Failed: 0 } ? AttentionCaseRunner.WhyNever(options) : null;
        Console.Out.WriteLine(json ? JsonSerializer.Serialize(Describe(summary, why), JsonOutput.Options) : summary.ToString());
        if (why is not null)
        {
            Say.Failure(Sentence.Say($"{options.Backend} does not run on this machine's {options.Device}: {why}"));
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
            Console.Out.WriteLine(
                FormattableString.Invariant(
                    $"    {(comparison.Passed ? "ok  " : "FAIL")} {comparison.Name}  max error {comparison.MaxAbsoluteError:0.###e+0}  {comparison.Detail}"
                )
            );
        }
    }

    private static object Describe(AttentionCaseSummary summary, string? why) =>
        new
        {
            results = summary.Results.Select(r => new
            {
                name = r.Name,
                backend = r.Backend,
                passed = r.Passed,
                outcome = r.Outcome,
                maxAbsError = r.MaxAbsError,
                message = r.Message,
            }),
            passed = summary.Passed,
            failed = summary.Failed,
            skipped = summary.Skipped,
            whyNever = why,
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
