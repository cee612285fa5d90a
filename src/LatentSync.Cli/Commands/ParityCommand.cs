using System.CommandLine;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Cli.Display;
using LatentSync.Lab.Parity;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync parity`.</summary>
internal static class ParityCommand
{
    private static readonly Argument<string[]> Folders = new("DIR")
    {
        Description = "folders of fixtures (manifest.json + .safetensors), or folders that contain such folders",
        Arity = ArgumentArity.OneOrMore,
    };
    private static readonly Option<bool> Details = new("--details") { Description = "one line for every comparison" };
    private static readonly Option<bool> Json = new("--json") { Description = "print the results as JSON" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "parity",
            "Checks this project's models against results of the original implementations (golden fixtures).",
            """
            Example:
              latentsync parity tests/Data/golden
            """
        )
        {
            Folders,
            Details,
            Json,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, cancellationToken), cancellationToken));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        bool json = parsed.GetValue(Json),
            details = parsed.GetValue(Details);
        TorchRuntime.EnsureLoaded();
        ParitySummary summary = ParityRunner.Run(
            parsed.GetRequiredValue(Folders),
            result =>
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
            },
            cancellationToken: cancellationToken
        );
        Console.Out.WriteLine(json ? System.Text.Json.JsonSerializer.Serialize(summary, JsonOutput.Options) : summary.ToString());
        return summary.Failed == 0 ? ExitCode.Done : ExitCode.Failed;
    }
}
