using System.CommandLine;
using LatentSync.Cli.Display;
using LatentSync.Doctor;
using LatentSync.Doctor.Machines;
using LatentSync.Foundation.Files;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync doctor`.</summary>
internal static class DoctorCommand
{
    private static readonly MachineOptions Machine = new();
    private static readonly Option<string?> SaveMachine = new("--save-machine")
    {
        Description = "also save the machine, found or described, to a file for --machine",
        HelpName = "FILE",
    };
    private static readonly Option<string?> FaceModels = new("--face-models")
    {
        Description = "folder with face detection models",
        HelpName = "DIR",
    };
    private static readonly Option<string?> Cascades = new("--cascades")
    {
        Description = "folder with OpenCV's Haar cascades",
        HelpName = "DIR",
    };
    private static readonly Option<bool> Details = new("--details")
    {
        Description = "shorten nothing; also show how libraries were loaded, every reason, every layer and the time of each probe",
    };
    private static readonly Option<bool> Json = new("--json") { Description = "print the report as JSON" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "doctor",
            "Checks whether this machine, or one you describe, can run LatentSync: what is there, what is missing, which attention backends run and why others don't.",
            $"""
            Exit code 0 when `sync` can run, else 3.

            {MachineOptions.Teaching}

            Examples:
              latentsync doctor
              latentsync doctor --json > report.json
              latentsync doctor --gpu "Tesla T4" --cuda 11.7 --libtorch 2.5.1 --os "Ubuntu 20.04"
              latentsync doctor --save-machine server.json          (there)
              latentsync doctor --machine server.json --lang zh     (here)
            """
        )
        {
            SaveMachine,
            FaceModels,
            Cascades,
            Details,
            Json,
        };
        foreach (Option option in Machine.All)
        {
            command.Add(option);
        }
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(SaveMachine) is { } target)
        {
            _ = OutputPath.File(target);
            FileOverlap.Refuse(
                [
                    new("--machine", Machine.DescriptionFile(parsed)),
                    new("--libtorch", Machine.Folder(parsed)?.Folder),
                    new("--face-models", parsed.GetValue(FaceModels)),
                    new("--cascades", parsed.GetValue(Cascades)),
                ],
                [new("--save-machine", target)]
            );
        }
        DoctorReport report = await Task.Run(() => Report(parsed), cancellationToken);
        if (parsed.GetValue(SaveMachine) is { } file)
        {
            MachineFile.Write(file, report.Machine);
        }
        if (parsed.GetValue(Json))
        {
            Console.Out.WriteLine(report.ToJson());
        }
        else
        {
            DoctorDisplay.Write(report, parsed.GetValue(Details));
        }
        return report.ExitCode;
    }

    private static DoctorReport Report(ParseResult parsed) =>
        Machine.Described(parsed) is { } described
            ? DescribedDoctor.Examine(described)
            : DoctorService.Examine(
                DoctorComposition.Options(Machine.Folder(parsed), parsed.GetValue(FaceModels), parsed.GetValue(Cascades))
            );
}
