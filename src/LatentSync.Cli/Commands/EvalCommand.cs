using System.CommandLine;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync eval`.</summary>
internal static class EvalCommand
{
    public static Command Create()
    {
        TeachingCommand group = new(
            "eval",
            "Measures lip-synced videos and networks.",
            """
            Examples:
              latentsync eval demo --seed 5 --json
              latentsync eval sync --video talk.dubbed.mp4 --syncnet checkpoints/auxiliary/syncnet_v2.model
            """
        );
        foreach (Command command in Measurements())
        {
            group.Add(command);
        }
        return group;
    }

    private static IReadOnlyList<Command> Measurements() =>
        [EvalDemoCommand.Create(), EvalSyncCommand.Create(), EvalSyncNetCommand.Create()];
}
