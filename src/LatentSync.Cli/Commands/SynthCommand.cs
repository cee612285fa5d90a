using System.CommandLine;
using System.Text.Json;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Foundation.Wording;
using LatentSync.Training.Datasets;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync synth`.</summary>
internal static class SynthCommand
{
    private static readonly Option<int> Count = new("--count", "-n")
    {
        Description = "number of clips",
        Required = true,
        HelpName = "N",
    };
    private static readonly Option<string> Out = new("--out", "-o")
    {
        Description = "folder for the clips; created if missing",
        Required = true,
        HelpName = "DIR",
    };
    private static readonly Option<long> Seed = new("--seed")
    {
        Description =
            "seed of the first clip; the next clips take the next numbers. Below 1,000,000 for training, from there on for evaluation",
        DefaultValueFactory = _ => 1L,
        HelpName = "S",
    };
    private static readonly Option<double> Seconds = new("--seconds")
    {
        Description = "length of each clip, in seconds",
        DefaultValueFactory = _ => 3.0,
        CustomParser = DecimalNumber.Parse,
        HelpName = "X",
    };
    private static readonly Option<int> Size = new("--size")
    {
        Description = "side of the whole picture in pixels, even; at twice --resolution the face needs no enlarging",
        DefaultValueFactory = _ => 512,
        HelpName = "PIXELS",
    };
    private static readonly Option<bool> Faces = new("--faces")
    {
        Description = "also write faces/NAME.mp4, the aligned face for training",
    };
    private static readonly Option<bool> FacesOnly = new("--faces-only") { Description = "write faces/NAME.mp4 instead of NAME.mp4" };
    private static readonly Option<int> Resolution = new("--resolution")
    {
        Description = "side of the aligned face in pixels, a multiple of 8",
        DefaultValueFactory = _ => 256,
        HelpName = "PIXELS",
    };
    private static readonly Option<int> Jobs = new("--jobs", "-j")
    {
        Description = "clips to draw at the same time",
        DefaultValueFactory = _ => 1,
        HelpName = "N",
    };
    private static readonly Option<bool> Json = new("--json") { Description = "print the result as JSON" };

    public static Command Create()
    {
        TeachingCommand command = new(
            "synth",
            "Draws talking heads, each with its own face, voice and sentence, as data for training and evaluation.",
            """
            For each clip it writes NAME.mp4 (25 fps, with the speech), NAME.wav (16 kHz mono), NAME.landmarks.json (where the
            face is, for sync --landmarks) and NAME.articulation.json (what the mouth does in every frame). With --faces also
            faces/NAME.mp4, aligned exactly as sync does it: that folder is the input of train. NAME is the clip's seed.

            Complete clips are kept: rerunning an interrupted command draws only the rest, and other seeds add clips to the folder.

            Examples:
              latentsync synth --count 500 --out heads --faces-only --jobs 4
              latentsync synth --count 20 --out held-out --faces --seed 1000000
            """
        )
        {
            Count,
            Out,
            Seed,
            Seconds,
            Size,
            Faces,
            FacesOnly,
            Resolution,
            Jobs,
            Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        bool facesOnly = parsed.GetValue(FacesOnly);
        SyntheticDatasetWriter writer = new(
            new SyntheticDatasetOptions
            {
                Folder = parsed.GetRequiredValue(Out),
                Count = parsed.GetValue(Count),
                Seed = parsed.GetValue(Seed),
                Seconds = parsed.GetValue(Seconds),
                Size = parsed.GetValue(Size),
                WriteVideos = !facesOnly,
                WriteFaces = facesOnly || parsed.GetValue(Faces),
                Resolution = parsed.GetValue(Resolution),
                Jobs = parsed.GetValue(Jobs),
            }
        );
        using ProgressDisplay display = new();
        SyntheticDatasetResult result = await display.RunAsync(sink => writer.RunAsync(ProgressLine.OfDrawing(sink), cancellationToken));
        if (parsed.GetValue(Json))
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(result, JsonOutput.Options));
            return ExitCode.Done;
        }
        Sentence clips =
            result.ClipsKept > 0
                ? (Sentence)$"{result.ClipsWritten} clips drawn, {result.ClipsKept} kept from an earlier run"
                : $"{result.ClipsWritten} clips drawn";
        WrappedText.Write(
            Sentence.Say(
                $"{clips}: {result.FramesWritten} frames in {DurationText.Of(result.TotalSeconds, Say.IsChinese)}, {result.MillisecondsPerFrame:0.0} ms per frame"
            )
        );
        Console.Out.WriteLine(PrintableText.Escape(Sentence.Say($"Look at {result.FacesFolder ?? result.Folder}")));
        return ExitCode.Done;
    }
}
