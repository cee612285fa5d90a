using System.CommandLine;
using LatentSync.Cli.Display;
using LatentSync.Doctor;
using LatentSync.Platform.LibTorch;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync doctor`.</summary>
internal static class DoctorCommand
{
    private static readonly Option<string?> Libtorch = new("--libtorch") { Description = "examine the libtorch in this folder instead of the packaged one", HelpName = "DIR" };
    private static readonly Option<string?> FaceModels = new("--face-models") { Description = "folder with face detection models", HelpName = "DIR" };
    private static readonly Option<string?> Cascades = new("--cascades") { Description = "folder with OpenCV's Haar cascades", HelpName = "DIR" };
    private static readonly Option<bool> Details = new("--details") { Description = "also show how each library was found and loaded" };
    private static readonly Option<bool> Json = new("--json") { Description = "write the report as JSON to standard output" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "doctor",
            "Examines this machine: what LatentSync needs, what is there, which attention backends run and why the others do not.",
            """
            Exit code 0 when `sync` can run, else 3.

            Examples:
              latentsync doctor
              latentsync doctor --json > machine.json
            """
        )
        {
            Libtorch, FaceModels, Cascades, Details, Json,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        LibTorchOptions? libTorch = parsed.GetValue(Libtorch) is { } folder ? new LibTorchOptions { Folder = folder } : null;
        DoctorOptions options = DoctorComposition.Options(libTorch, parsed.GetValue(FaceModels), parsed.GetValue(Cascades));
        DoctorReport report = await Task.Run(() => DoctorService.Examine(options), cancellationToken);
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
}
