using System.CommandLine;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Tuning;
using LatentSync.Attention.Workloads;
using LatentSync.Cli.Usage;
using LatentSync.Compute;
using LatentSync.Foundation.Wording;
using LatentSync.Lab.Verification;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Machines;

namespace LatentSync.Cli.Commands.AttentionCommands;

/// <summary>The options that `verify` and `tune` share: what is run, where, and for how long.</summary>
internal sealed class VerifyOptions
{
    private readonly Option<string[]> _workloads = new("--workload")
    {
        Description = $"which problems; repeat it for several; --list shows all; default: {WorkloadCatalog.Default}",
        HelpName = "NAME",
    };
    private readonly Option<string[]> _backends = new("--backend")
    {
        Description = "only this backend; repeat it for several; default: all there are",
        HelpName = "NAME",
    };
    private readonly Option<string?> _layer = new("--layer")
    {
        Description = "only layers whose name contains this, such as temporal",
        HelpName = "TEXT",
    };
    private readonly Option<string> _dtypes = new ChoiceOption("--dtype", "f32", "f16", "bf16", "f64")
    {
        IsList = true,
        Also = ["float32", "float16", "half", "bfloat16", "float64"],
        Description = "element types, separated by commas: f32, f16, bf16, f64",
        DefaultValueFactory = _ => "f32",
        HelpName = "NAMES",
    };
    private readonly Option<string> _device = new DeviceOption("cpu", "cuda", "cuda:N");
    private readonly Option<int> _repeats = new("--repeats")
    {
        Description = "at most this many rounds of measurement",
        DefaultValueFactory = _ => 15,
        HelpName = "N",
    };
    private readonly Option<double> _budget = new("--budget")
    {
        Description = "about how many seconds the rounds of one layer may take",
        DefaultValueFactory = _ => 2,
        CustomParser = DecimalNumber.Parse,
        HelpName = "SECONDS",
    };
    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "threads of libtorch's kernels; default: libtorch's own choice",
        HelpName = "N",
    };
    private readonly Option<string?> _libtorch = new("--libtorch") { Description = "use the libtorch in this folder", HelpName = "DIR" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_workloads, _backends, _layer, _dtypes, _device, _repeats, _budget, _threads, _libtorch])
        {
            command.Add(option);
        }
    }

    /// <summary>Reads the options, then loads libtorch.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="isTraining">Whether the backward pass is meant.</param>
    public VerificationSetup Read(ParseResult parsed, bool isTraining = false)
    {
        string[] names = parsed.GetValue(_workloads) is { Length: > 0 } given ? given : [WorkloadCatalog.Default];
        Workload[] workloads = [.. names.Select(name => Read(_workloads, name, WorkloadCatalog.Find)).Distinct()];
        AttentionDType[] dtypes =
        [
            .. parsed
                .GetRequiredValue(_dtypes)
                .Split(',', StringSplitOptions.TrimEntries)
                .Select(name => Read(_dtypes, name, AttentionDTypes.Parse))
                .Distinct(),
        ];
        AttentionDevice device = Read(_device, parsed.GetRequiredValue(_device), AttentionDevice.Parse);
        string[] backends = [.. (parsed.GetValue(_backends) ?? []).Select(Known)];
        int repeats = parsed.GetValue(_repeats);
        double budget = parsed.GetValue(_budget);
        int? threads = parsed.GetValue(_threads);
        Require(repeats >= 1, $"{_repeats.Name} must be at least 1.");
        Require(budget > 0 && budget <= 3600, $"{_budget.Name} must be above 0 and at most 3600 seconds.");
        Require(threads is null or (>= 1 and <= 4096), $"{_threads.Name} must be 1 to 4096.");
        string? folder = parsed.GetValue(_libtorch);
        MachineExamination machine = new MachineExaminer { LibTorchFolder = folder }.Examine();
        TorchRuntime.EnsureLoaded(folder is null ? null : new LibTorchOptions { Folder = folder });
        if (device.Kind == AttentionDeviceKind.Cuda && !TorchSharp.torch.cuda.is_available())
        {
            throw new DeviceUnavailableException(
                $"{device} cannot be used: this libtorch sees no CUDA device. Type \"latentsync doctor\" for the reason, or use --device cpu."
            );
        }
        if (threads is { } count)
        {
            TorchRuntime.UseThreads(count);
        }
        TunedRanking tuned = TunedRanking.Load(machine.Machine);
        VerificationOptions options = new()
        {
            Machine = machine.Machine,
            Workloads = workloads,
            Backends = [.. AttentionDispatcher.BuiltInBackends().Where(backend => backends.Length == 0 || backends.Contains(backend.Name))],
            Ranking = tuned.Ranking,
            LayerFilter = parsed.GetValue(_layer),
            DTypes = dtypes,
            IsTraining = isTraining,
            Device = device,
            Repeats = repeats,
            Budget = TimeSpan.FromSeconds(budget),
        };
        BackendVerifier verifier = new(options);
        Require(
            verifier.Layers.Count > 0,
            $"No layer's name contains \"{options.LayerFilter}\"; latentsync attention verify --list shows them all."
        );
        return new VerificationSetup(options, verifier, tuned, TorchSharp.torch.get_num_threads());
    }

    private string Known(string name)
    {
        string[] known = [.. AttentionDispatcher.BuiltInBackends().Select(backend => backend.Name)];
        return known.Contains(name)
            ? name
            : throw new SyncOptionsException(
                $"{_backends.Name}: there is no backend \"{name}\"; {(NearestName.Of(name, known) is { } near ? $"did you mean {near}? There are" : "there are")} {string.Join(", ", known)}."
            );
    }

    private static T Read<T>(Option option, string text, Func<string, T> parse)
    {
        try
        {
            return parse(text);
        }
        catch (FormatException exception)
        {
            throw new SyncOptionsException($"{option.Name}: {exception.Message}");
        }
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new SyncOptionsException(message);
        }
    }
}

/// <summary>What is about to be verified.</summary>
internal sealed record VerificationSetup(VerificationOptions Options, BackendVerifier Verifier, TunedRanking Tuned, int Threads);
