using System.CommandLine;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>`latentsync attention`.</summary>
internal static class AttentionCommand
{
    public static Command Create() =>
        new TeachingCommand(
            "attention",
            "Inspect, verify and tune attention kernels.",
            """
            Example:
              latentsync attention explain --shape 2,8,1024,1024,40 --dtype f16 --json
            """
        )
        {
            ExplainCommand.Create(),
            VerifyCommand.Create(),
            TuneCommand.Create(),
            RunCommand.Create(),
            AuditCommand.Create(),
            RecordCommand.Create(),
        };
}
