using System.CommandLine;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Workloads;
using LatentSync.Lab.Verification;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>`latentsync attention verify`.</summary>
internal static class VerifyCommand
{
    private static readonly VerifyOptions Shared = new();
    private static readonly Option<bool> List = new("--list") { Description = "list the workloads and their layers; run nothing" };
    private static readonly Option<bool> Training = new("--training")
    {
        Description = "check gradients and time the backward pass, not the forward pass",
    };
    private static readonly Option<bool> Json = new("--json") { Description = "print the results as JSON" };

    public static Command Create()
    {
        TeachingCommand verify = new(
            "verify",
            "Runs every attention backend of this machine on real problems: compares results with float64 and times them in turns.",
            """
            Exit code 1 when a backend is wrong.

            Examples:
              latentsync attention verify
              latentsync attention verify --workload latentsync-512 --layer temporal --dtype f32,bf16
              latentsync attention verify --training --backend torch-flash --backend torch-math
              latentsync attention verify --workload gqa-128 --workload mla-192 --json > verified.json
            """
        )
        {
            Training,
            List,
            Json,
        };
        Shared.AddTo(verify);
        verify.SetAction((parsed, cancellationToken) => Task.Run(() => Verify(parsed, cancellationToken), CancellationToken.None));
        return verify;
    }

    private static int Verify(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(List))
        {
            VerificationDisplay.WriteList(WorkloadCatalog.All, parsed.GetValue(Json));
            return ExitCode.Done;
        }
        VerificationSetup setup = Shared.Read(parsed, parsed.GetValue(Training));
        bool json = parsed.GetValue(Json);
        Dictionary<AttentionDType, double> peaks = setup.Options.DTypes.ToDictionary(
            dtype => dtype,
            dtype => MatmulPeak.Measure(dtype, setup.Options.Device)
        );
        VerificationDisplay display = new(setup, peaks);
        List<LayerVerification> layers = display.Run(writesTable: !json, cancellationToken);
        if (json)
        {
            display.WriteJson(layers);
        }
        return layers.SelectMany(layer => layer.Results).Any(result => !result.Passed) ? ExitCode.Failed : ExitCode.Done;
    }
}
