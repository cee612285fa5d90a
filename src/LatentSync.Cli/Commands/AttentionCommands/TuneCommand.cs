using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Tuning;
using LatentSync.Cli.Display;
using LatentSync.Foundation.Wording;
using LatentSync.Lab.Verification;
using LatentSync.Platform.Machines;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>`latentsync attention tune`.</summary>
internal static class TuneCommand
{
    private static readonly VerifyOptions Shared = new();
    private static readonly Option<bool> Show = new("--show") { Description = "show the order in use; measure nothing" };
    private static readonly Option<bool> Clear = new("--clear")
    {
        Description = "forget the measurements and go back to the built-in order",
    };
    private static readonly Option<bool> Json = new("--json") { Description = "print the order as JSON" };

    public static Command Create()
    {
        TeachingCommand tune = new(
            "tune",
            "Verifies and times every attention backend, and remembers which correct one is fastest on this machine.",
            $"""
            The order is kept in the user's cache, per class of problems. sync uses it, and so does every program that does not set its own.
            It is ignored once the processor, the GPU, libtorch or the rules have changed. {AttentionSettings.TuningVariable} names another file, or "off".
            Run it while the machine does nothing else. Exit code 1 if a backend is wrong; the order then leaves it out.

            Examples:
              latentsync attention tune
              latentsync attention tune --workload latentsync-512 --dtype f32,bf16
              latentsync attention tune --show
              latentsync attention tune --clear
            """
        )
        {
            Show,
            Clear,
            Json,
        };
        Shared.AddTo(tune);
        tune.SetAction((parsed, cancellationToken) => Task.Run(() => Tune(parsed, cancellationToken), CancellationToken.None));
        return tune;
    }

    private static int Tune(ParseResult parsed, CancellationToken cancellationToken)
    {
        bool show = parsed.GetValue(Show),
            clear = parsed.GetValue(Clear),
            json = parsed.GetValue(Json);
        if (show && clear)
        {
            throw new SyncOptionsException($"{Show.Name} and {Clear.Name} cannot be combined.");
        }
        if (AttentionSettings.ReadTuningPath() is not { } path)
        {
            throw new SyncOptionsException(
                $"There is no place for the order: {AttentionSettings.TuningVariable} is \"off\", or this user has no cache folder."
            );
        }
        if (clear)
        {
            bool existed = File.Exists(path);
            File.Delete(path);
            Write(
                TunedRanking.OfThisMachine(),
                json,
                Sentence.Say(existed ? (Sentence)$"removed {path}" : $"there was nothing to remove at {path}")
            );
            return ExitCode.Done;
        }
        if (show)
        {
            Write(TunedRanking.Load(new MachineExaminer().Examine().Machine), json, null);
            return ExitCode.Done;
        }
        VerificationSetup setup = Shared.Read(parsed);
        VerificationDisplay display = new(setup, new Dictionary<AttentionDType, double>());
        List<LayerVerification> layers = display.Run(writesTable: false, cancellationToken);
        TunedRanking tuned = TunedRanking.Save(setup.Options.Machine, layers.Select(layer => layer.ToMeasured()));
        Write(tuned, json, null);
        var wrong = layers.SelectMany(layer => layer.Results.Where(result => !result.Passed).Select(result => (layer, result))).ToArray();
        foreach (var (layer, result) in wrong)
        {
            Say.Failure(
                Sentence.Say(
                    $"{result.Backend} is wrong on {layer.Layer.Name} {layer.Problem.DType.ShortName()} and was left out: {result.Failure}"
                )
            );
        }
        return wrong.Length > 0 ? ExitCode.Failed : ExitCode.Done;
    }

    private static void Write(TunedRanking tuned, bool json, string? note)
    {
        if (json)
        {
            var answer = new
            {
                path = tuned.Path,
                tuned = tuned.IsUsed,
                warning = tuned.Warning,
                note,
                machine = tuned.Table?.Machine,
                entries = tuned.Table?.Entries ?? [],
            };
            Console.Out.WriteLine(JsonSerializer.Serialize(answer, JsonOutput.Options));
            return;
        }
        if (note is not null)
        {
            WrappedText.Write(note, hang: 2);
        }
        WrappedText.Write(tuned.Describe(), hang: 2);
        foreach (TuningEntry entry in tuned.Table?.Entries ?? [])
        {
            MeasuredClass c = entry.Class;
            string times = string.Join(
                ", ",
                entry.Order.Select(name =>
                    string.Create(CultureInfo.InvariantCulture, $"{name} {entry.Milliseconds.GetValueOrDefault(name):0.0##} ms")
                )
            );
            WrappedText.Write($"  {Describe(c).PadRight(56)} {times}", hang: 2);
        }
    }

    private static string Describe(MeasuredClass c)
    {
        ProblemClass p = c.Class;
        string dim = p.HeadDimClass == int.MaxValue ? "above 256" : string.Create(CultureInfo.InvariantCulture, $"up to {p.HeadDimClass}");
        string[] extras =
        [
            .. new (bool Holds, string Name)[]
            {
                (p.IsCausal, "causal"),
                (p.IsGrouped, "grouped"),
                (!p.SameValueDim, "values of another dim"),
                (p.NeedsGradient, "training"),
            }
                .Where(e => e.Holds)
                .Select(e => e.Name),
        ];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{p.Device} {p.DType.ShortName()}, Lq {Length(c.QueryClass)}, Lk {Length(c.KeyClass)}, dim {dim}{string.Concat(extras.Select(e => ", " + e))}"
        );
    }

    // "33..64"
    private static string Length(int lengthClass) =>
        lengthClass == 0 ? "1" : string.Create(CultureInfo.InvariantCulture, $"{(1L << (lengthClass - 1)) + 1}..{1L << lengthClass}");
}
