using System.CommandLine;
using System.Text.Json;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Compute;
using LatentSync.Lab.Auditing;
using LatentSync.Platform.Machines;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>`latentsync attention audit`.</summary>
internal static class AuditCommand
{
    private static readonly Option<int> Problems = new("--problems")
    {
        Description = "number of random problems to compare with libtorch's own choice; 0: none",
        DefaultValueFactory = _ => 2000,
        HelpName = "N",
    };
    private static readonly Option<int> Seed = new("--seed")
    {
        Description = "seed of all random numbers",
        DefaultValueFactory = _ => 20260522,
        HelpName = "N",
    };
    private static readonly Option<string> Device = new DeviceOption("cpu", "cuda", "cuda:N");
    private static readonly Option<int> Faults = new("--faults")
    {
        Description = "number of faults to inject into the kernels; results must not change",
        DefaultValueFactory = _ => 0,
        HelpName = "N",
    };
    private static readonly Option<bool> Memory = new("--memory") { Description = "compare each backend's peak memory with its estimate" };
    private static readonly Option<bool> Json = new("--json") { Description = "print the report as JSON" };

    public static Command Create()
    {
        TeachingCommand audit = new(
            "audit",
            "Checks the rules, the fallback and the memory estimates against libtorch on this machine.",
            """
            Exit code 1 if a rule and libtorch disagree, a result changes under an injected fault, or a call takes more memory than
            estimated.

            Examples:
              latentsync attention audit
              latentsync attention audit --device cuda --problems 2000 --faults 500 --memory --json
            """
        )
        {
            Problems,
            Seed,
            Device,
            Faults,
            Memory,
            Json,
        };
        audit.SetAction(Audit);
        return audit;
    }

    private static int Audit(ParseResult parsed)
    {
        Machine machine = new MachineExaminer().Examine().Machine;
        var options = new AuditOptions
        {
            Machine = machine,
            Device = ReadDevice(parsed.GetRequiredValue(Device)),
            Problems = NotNegative(parsed, Problems),
            Seed = parsed.GetValue(Seed),
            Faults = NotNegative(parsed, Faults),
            MeasuresMemory = parsed.GetValue(Memory),
        };
        if (AttentionAudit.Objection(options.Device) is { } objection)
        {
            throw new DeviceUnavailableException(objection);
        }
        AuditReport report = AttentionAudit.Run(options, subject => Console.Error.WriteLine(subject));
        if (parsed.GetValue(Json))
        {
            var answer = new
            {
                machine,
                report.Device,
                report.Seed,
                report.LibTorch,
                report.Passed,
                report.Rules,
                report.Faults,
                report.Memory,
            };
            Console.Out.WriteLine(JsonSerializer.Serialize(answer, JsonOutput.Options));
        }
        else
        {
            Console.Out.Write(AuditText.Render(report));
        }
        return report.Passed ? ExitCode.Done : ExitCode.Failed;
    }

    private static AttentionDevice ReadDevice(string text)
    {
        try
        {
            AttentionDevice device = AttentionDevice.Parse(text);
            return device.Kind is AttentionDeviceKind.Cpu or AttentionDeviceKind.Cuda
                ? device
                : throw new SyncOptionsException($"--device: an audit is for cpu or cuda, not {text}.");
        }
        catch (FormatException exception)
        {
            throw new SyncOptionsException($"--device: {exception.Message}");
        }
    }

    private static int NotNegative(ParseResult parsed, Option<int> option) =>
        parsed.GetValue(option) is >= 0 and var value ? value : throw new SyncOptionsException($"{option.Name} must be at least 0.");
}
