using System.CommandLine;
using LatentSync.Lab.Records;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>`latentsync attention record`.</summary>
internal static class RecordCommand
{
    private static readonly Argument<string> Folder = new("DIR") { Description = "folder that holds record.json and the JSON of the steps" };

    public static Command Create()
    {
        TeachingCommand record = new(
            "record",
            "Makes the page of a measurement record from its JSON files (scripts/gpu-check and scripts/cpu-record call this).",
            """
            Example:
              latentsync attention record docs/benchmarks/nvidia-h200
            """
        )
        {
            Folder,
        };
        record.SetAction(parsed => Record(parsed.GetRequiredValue(Folder)));
        return record;
    }

    private static int Record(string folder)
    {
        Console.Out.WriteLine(RecordPage.Write(folder));
        return ExitCode.Done;
    }
}
