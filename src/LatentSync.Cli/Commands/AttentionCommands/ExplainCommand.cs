using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Tuning;
using LatentSync.Cli.Display;
using LatentSync.Cli.Usage;
using LatentSync.Compute;
using LatentSync.Foundation.Wording;
using LatentSync.Platform.Machines;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>`latentsync attention explain`.</summary>
internal static class ExplainCommand
{
    private static readonly MachineOptions MachineOf = new();
    private static readonly Option<string> Shape = new("--shape")
    {
        Description = "batch, heads, query length, key length, head dim",
        Required = true,
        HelpName = "B,H,Lq,Lk,D",
    };
    private static readonly Option<int?> KvHeads = new("--kv-heads")
    {
        Description = "key and value heads (GQA); default: the number of query heads",
        HelpName = "N",
    };
    private static readonly Option<int?> ValueDim = new("--value-dim")
    {
        Description = "head dim of the values; default: that of the keys",
        HelpName = "N",
    };
    private static readonly Option<string> DType = new ChoiceOption("--dtype", "f32", "f16", "bf16", "f64")
    {
        Also = ["float32", "float16", "half", "bfloat16", "float64"],
        Description = "f32, f16, bf16 or f64",
        DefaultValueFactory = _ => "f32",
        HelpName = "NAME",
    };
    private static readonly Option<bool> Causal = new("--causal") { Description = "causal: query i sees the keys j <= i" };
    private static readonly Option<string> Mask = new ChoiceOption("--mask", "none", "bool", "float")
    {
        Description = "none, bool or float",
        DefaultValueFactory = _ => "none",
        HelpName = "KIND",
    };
    private static readonly Option<string> Device = new ChoiceOption("--device", [.. Devices.All.Where(device => device.Name != "auto")])
    {
        Description = "cpu, cuda, cuda:N or mps; default: the GPU of a described machine that has one, else cpu",
        HelpName = "NAME",
    };
    private static readonly Option<bool> Training = new("--training") { Description = "the problem needs gradients" };
    private static readonly Option<string> PolicyText = new PolicyOption
    {
        Description = "auto, NAME or \"require NAME\" (only that backend), \"prefer NAME\", \"forbid NAME\"",
    };
    private static readonly Option<bool> Json = new("--json") { Description = "print the answer as JSON" };

    public static Command Create()
    {
        TeachingCommand explain = new(
            "explain",
            "Shows which attention backend runs a problem on this machine, or one you describe, and why the others don't.",
            $"""
            {MachineOptions.Teaching}
            Without --device, a described machine uses its GPU if it has one. All of its memory counts as free unless the file says how much is;
            on this machine it is the memory that is free now.

            Examples (the autoencoder's mid block at 256 pixels; the UNet's first self-attention on another machine):
              latentsync attention explain --shape 16,1,1024,1024,512
              latentsync attention explain --shape 32,8,1024,1024,40 --dtype f16 --device cuda --gpu "RTX 4090" --os "Windows 11" --libtorch 2.5.1
            """
        )
        {
            Shape,
            KvHeads,
            ValueDim,
            DType,
            Causal,
            Mask,
            Device,
            Training,
            PolicyText,
            Json,
        };
        foreach (Option option in MachineOf.All)
        {
            explain.Add(option);
        }
        explain.SetAction(Explain);
        return explain;
    }

    private static int Explain(ParseResult parsed)
    {
        Machine? described = MachineOf.Described(parsed)?.Machine;
        AttentionProblem problem = Read(parsed, ReadDevice(parsed, described));
        Machine machine =
            described
            ?? new MachineExaminer { LibTorchFolder = MachineOf.Folder(parsed)?.Folder }
                .Examine()
                .Machine;
        TunedRanking? tuned = described is null ? TunedRanking.Load(machine) : null; // measurements of this machine say nothing about another
        BackendRanking ranking = tuned?.Ranking ?? BackendRanking.Default;
        var context = new SelectionContext
        {
            Machine = machine,
            Policy = ReadPolicy(parsed),
            Ranking = ranking,
        };
        long? freeBytes = described is null ? FreeMemory.Of(problem.Device, machine) : FreeMemory.OfDescribed(problem.Device, described);
        Plan plan = AttentionSelector.Select(problem, context, freeBytes);
        if (parsed.GetValue(Json))
        {
            var answer = new
            {
                problem = Describe(problem),
                chosen = plan.Chosen,
                order = plan.Order,
                tuned = ranking.MeasuredOrderFor(problem) is not null,
                freeBytes,
                verdicts = PlanText
                    .VerdictsOf(plan, Audience.Current.Language)
                    .Select(v => new
                    {
                        backend = v.Backend,
                        runs = v.Runs,
                        reasons = v.Reasons,
                        repairs = v.Repairs,
                        estimatedBytes = v.EstimatedBytes,
                    }),
            };
            Console.Out.WriteLine(JsonSerializer.Serialize(answer, JsonOutput.Options));
        }
        else
        {
            WrappedText.Write(PlanText.Of(plan, freeBytes, Audience.Current.Language), hang: 2);
            if (tuned is not null)
            {
                WrappedText.Write(tuned.DescribeFor(problem, Audience.Current.Language), hang: 2);
            }
        }
        return plan.Chosen is null ? ExitCode.Machine : ExitCode.Done;
    }

    private static object Describe(AttentionProblem problem) =>
        new
        {
            b = problem.Batch,
            h = problem.HeadCount,
            hkv = problem.KvHeadCount,
            lq = problem.QueryLength,
            lk = problem.KeyLength,
            d = problem.HeadDim,
            dv = problem.ValueDim,
            dtype = problem.DType.ShortName(),
            device = problem.Device.ToString(),
            mask = problem.Mask.Kind,
            isCausal = problem.IsCausal,
            needsGradient = problem.NeedsGradient,
        };

    private static AttentionProblem Read(ParseResult parsed, AttentionDevice device)
    {
        int[] sizes = ReadShape(parsed.GetRequiredValue(Shape));
        AttentionProblem problem = AttentionProblem.Of(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]) with
        {
            KvHeadCount = parsed.GetValue(KvHeads) ?? sizes[1],
            ValueDim = parsed.GetValue(ValueDim) ?? sizes[4],
            DType = Parsed(DType, parsed, AttentionDTypes.Parse),
            IsCausal = parsed.GetValue(Causal),
            Device = device,
            NeedsGradient = parsed.GetValue(Training),
            Mask = ReadMask(parsed.GetRequiredValue(Mask), sizes),
        };
        try
        {
            problem.Validate();
        }
        catch (ArgumentException exception)
        {
            throw new SyncOptionsException(exception.Message);
        }
        return problem;
    }

    private static AttentionDevice ReadDevice(ParseResult parsed, Machine? described) =>
        parsed.GetValue(Device) is { } name ? Parsed(Device, name, AttentionDevice.Parse)
        : described is not { Gpus: [var gpu, ..] } ? AttentionDevice.Cpu
        : gpu.Maker == "apple" ? new AttentionDevice(AttentionDeviceKind.Mps, 0)
        : AttentionDevice.Cuda();

    private static int[] ReadShape(string text)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        int[] sizes = new int[parts.Length];
        return
            parts.Length == 5
            && parts.Select((p, i) => int.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out sizes[i])).All(ok => ok)
            ? sizes
            : throw new SyncOptionsException($"--shape must be five whole numbers B,H,Lq,Lk,D, not \"{text}\".");
    }

    // A mask of the whole score matrix, one for all batches and heads.
    private static AttentionMask ReadMask(string kind, int[] sizes) =>
        kind switch
        {
            "none" => AttentionMask.None,
            "bool" => AttentionMask.Of(AttentionMaskKind.Boolean, 1, 1, sizes[2], sizes[3]),
            "float" => AttentionMask.Of(AttentionMaskKind.Additive, 1, 1, sizes[2], sizes[3]),
            _ => throw new SyncOptionsException($"--mask must be none, bool or float, not \"{kind}\"."),
        };

    private static Policy ReadPolicy(ParseResult parsed) =>
        Parsed(PolicyText, parsed, text => Policy.Parse(text, AttentionRules.BackendNames));

    private static T Parsed<T>(Option<string> option, ParseResult parsed, Func<string, T> parse) =>
        Parsed(option, parsed.GetRequiredValue(option), parse);

    /// <summary>An option's value, read by the layer that knows its words.</summary>
    private static T Parsed<T>(Option option, string value, Func<string, T> parse)
    {
        try
        {
            return parse(value);
        }
        catch (FormatException exception)
        {
            throw new SyncOptionsException($"{option.Name}: {exception.Message}");
        }
    }
}
