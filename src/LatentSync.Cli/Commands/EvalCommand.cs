using System.CommandLine;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync eval`.</summary>
internal static class EvalCommand
{
    public static Command Create()
    {
        TeachingCommand group = new(
            "eval",
            "Measures how good results are.",
            """
            Example:
              latentsync eval demo --clips 8 --json
            """
        )
        {
            EvalDemoCommand.Create(),
        };
        return group;
    }
}
