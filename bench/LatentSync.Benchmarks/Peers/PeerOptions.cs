using System.Globalization;
using LatentSync.Attention.Workloads;

namespace LatentSync.Benchmarks.Peers;

/// <summary>The command line of `onnxruntime`.</summary>
internal sealed record PeerOptions
{
    internal const string Help = """
        onnxruntime [WORKLOAD...] [--layer TEXT] [--threads N] [--budget SECONDS] [--repeats N] [--no-decode] [--json]
        Times managed-flash, libtorch's flash kernel and ONNX Runtime's MultiHeadAttention in turns, in one process, and compares their
        results. Exit code 1 when they disagree.
          WORKLOAD     latentsync-256 (default), latentsync-512, vit-72-80; may be repeated
          --layer      only layers whose name contains this
          --threads    threads of each engine; default: libtorch's own choice
          --budget     seconds that the rounds of a layer may take, about; default 4
          --repeats    rounds at most; default 15
          --no-decode  leaves out the decoding step
          --json       the results as JSON
        """;

    /// <summary>The workloads, in order.</summary>
    internal required IReadOnlyList<Workload> Workloads { get; init; }

    /// <summary>Only layers whose name contains this; null for all.</summary>
    internal string? Layer { get; init; }

    /// <summary>Threads of each engine; null for libtorch's own choice.</summary>
    internal int? Threads { get; init; }

    /// <summary>Time for the rounds of a layer.</summary>
    internal TimeSpan Budget { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Rounds at most.</summary>
    internal int Repeats { get; init; } = 15;

    /// <summary>The decoding step is measured.</summary>
    internal bool HasDecode { get; init; } = true;

    /// <summary>JSON instead of the table.</summary>
    internal bool IsJson { get; init; }

    /// <summary>The layers, in order.</summary>
    internal IReadOnlyList<(Workload Workload, WorkloadLayer Layer)> Layers =>
        [
            .. from workload in Workloads
            from layer in workload.Layers
            where Layer is null || layer.Name.Contains(Layer, StringComparison.OrdinalIgnoreCase)
            select (workload, layer),
        ];

    /// <summary>Reads the arguments.</summary>
    /// <exception cref="FormatException">They are wrong; the message says what is meant.</exception>
    internal static PeerOptions Parse(IReadOnlyList<string> arguments)
    {
        PeerOptions options = new() { Workloads = [] };
        for (int i = 0; i < arguments.Count; i++)
        {
            string name = arguments[i];
            options = name switch
            {
                "--json" => options with { IsJson = true },
                "--no-decode" => options with { HasDecode = false },
                "--layer" => options with { Layer = Value() },
                "--threads" => options with { Threads = (int)Number(1, 4096) },
                "--repeats" => options with { Repeats = (int)Number(1, 1_000_000) },
                "--budget" => options with { Budget = TimeSpan.FromSeconds(Number(0.001, 3600)) },
                ['-', ..] => throw new FormatException($"There is no option {name}."),
                _ => options with { Workloads = [.. options.Workloads, WorkloadCatalog.Find(name)] },
            };

            string Value() => ++i < arguments.Count ? arguments[i] : throw new FormatException($"{name} needs a value.");

            double Number(double least, double most) =>
                double.TryParse(Value(), CultureInfo.InvariantCulture, out double number) && number >= least && number <= most
                    ? number
                    : throw new FormatException(
                        $"{name} must be {least.ToString(CultureInfo.InvariantCulture)} to {most.ToString(CultureInfo.InvariantCulture)}, not \"{arguments[i]}\"."
                    );
        }
        if (options.Workloads.Count == 0)
        {
            options = options with { Workloads = [WorkloadCatalog.Find(WorkloadCatalog.Default)] };
        }
        if (options.Layers.FirstOrDefault(entry => !PeerComparison.IsComparable(entry.Layer.Problem)) is { Layer: { } odd })
        {
            throw new FormatException($"{odd.Name}: {odd.Problem.Describe()} is nothing that all engines compute.");
        }
        return options.Layers.Count > 0 ? options : throw new FormatException($"No layer's name contains \"{options.Layer}\".");
    }
}
