using System.CommandLine;
using LatentSync.Lab.Records;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>`latentsync attention record`.</summary>
internal static class RecordCommand
{
    private static readonly Argument<string> Folder = new("DIR")
    {
        Description = "folder with record.json and the JSON files of the steps",
    };

    public static Command Create()
    {
        TeachingCommand record = new(
            "record",
            "Writes the page of a measurement record from its JSON files (for scripts/gpu-check and scripts/cpu-record).",
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
