using System.Globalization;
using LatentSync.Attention;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Operators;
using LatentSync.Checkpoints;
using LatentSync.Lab.Parity;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Conformance;

/// <summary>What to run.</summary>
public sealed record AttentionCaseOptions
{
    /// <summary>A backend that must compute every case, "reference" for the float64 oracle; null (default) leaves it to the
    /// selection.</summary>
    public string? Backend { get; init; }

    /// <summary>Only cases whose name contains this, upper and lower case alike; null (default) for all.</summary>
    public string? Filter { get; init; }

    /// <summary>Where. Default the CPU.</summary>
    public AttentionDevice Device { get; init; }

    /// <summary>The machine whose rules apply; null (default): what TorchSharp can tell.</summary>
    public Machine? Machine { get; init; }
}

/// <summary>Computes cases of the ONNX operator <c>Attention</c> (cases.json and .safetensors) and compares.</summary>
public static class AttentionCaseRunner
{
    /// <summary>Runs every case that the paths lead to.</summary>
    /// <param name="paths">Folders that hold cases.json, or such files.</param>
    /// <param name="options">Backend, filter, device.</param>
    /// <param name="completed">Called after each case, on the calling thread.</param>
    /// <param name="cancellationToken">Checked before each case and kernel.</param>
    /// <returns>One result a case. A broken case fails with a message and does not stop the others.</returns>
    /// <exception cref="ParityException">A path leads to no list of cases, no case is left by the filter, or the backend is unknown;
    /// nothing was computed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static AttentionCaseSummary Run(
        IEnumerable<string> paths,
        AttentionCaseOptions? options = null,
        Action<AttentionCaseResult>? completed = null,
        CancellationToken cancellationToken = default
    )
    {
        options ??= new AttentionCaseOptions();
        if (options.Backend is { } backend && backend != AttentionBackendNames.Reference && !AttentionRules.BackendNames.Contains(backend))
        {
            string known = string.Join(", ", AttentionRules.BackendNames.Append(AttentionBackendNames.Reference));
            throw new ParityException($"there is no attention backend \"{backend}\"; {known} are known.");
        }
        AttentionCaseFolder[] folders = [.. paths.Select(AttentionCaseFolder.Read)];
        string filter = options.Filter ?? string.Empty;
        var entries = folders
            .SelectMany(folder => folder.Entries.Select(entry => (folder.Folder, entry.Name, entry.Entry)))
            .Where(entry => entry.Name.Contains(filter, StringComparison.OrdinalIgnoreCase))
            .ToArray();
        if (entries.Length == 0)
        {
            throw new ParityException(filter.Length > 0 ? $"no case has \"{filter}\" in its name." : "the lists hold no case.");
        }
        TorchRuntime.EnsureLoaded();
        List<AttentionCaseResult> results = [];
        foreach ((string folder, string name, var entry) in entries)
        {
            cancellationToken.ThrowIfCancellationRequested();
            AttentionCaseResult result = RunCase(name, () => new AttentionCaseReader(folder, entry).Read(name), options, cancellationToken);
            results.Add(result);
            completed?.Invoke(result);
        }
        return new AttentionCaseSummary(results);
    }

    /// <summary>Why the options' backend computes nothing at all on this machine and device, not even plain attention of any element
    /// type, in one line; null when it computes that, or none is named.</summary>
    /// <param name="options">Backend and device.</param>
    public static string? WhyNever(AttentionCaseOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Backend is null or AttentionBackendNames.Reference)
        {
            return null;
        }
        TorchRuntime.EnsureLoaded();
        AttentionDispatcher dispatcher = new(
            new AttentionDispatcherOptions { Policy = Policy.Require(options.Backend), Machine = options.Machine }
        );
        Verdict[] verdicts =
        [
            .. Enum.GetValues<AttentionDType>()
                .Select(dtype =>
                    dispatcher
                        .Explain(AttentionProblem.Of(1, 2, 128, 128, 64) with { DType = dtype, Device = options.Device })
                        .VerdictOf(options.Backend)!
                ),
        ];
        if (Array.Exists(verdicts, verdict => verdict.Runs))
        {
            return null;
        }
        Reason[] shared = [.. verdicts[0].Reasons.Where(reason => verdicts.All(verdict => verdict.Reasons.Contains(reason)))];
        return string.Join(" ", (shared.Length > 0 ? shared : verdicts[0].Reasons).Select(Line));
    }

    private static string Line(Reason reason) => $"{reason.Code} {reason.Message} found: {reason.Found}, required: {reason.Required}";

    private static AttentionCaseResult RunCase(
        string name,
        Func<AttentionCase> read,
        AttentionCaseOptions options,
        CancellationToken cancellationToken
    )
    {
        string backend = options.Backend ?? "auto";
        try
        {
            AttentionCase given = read();
            using IDisposable noGradient = no_grad();
            using DisposeScope scope = NewDisposeScope();
            using var archive = new SafetensorsArchive(given.ArrayFile);
            (OnnxAttentionOutputs outputs, backend) = Compute(given, archive, options, cancellationToken);
            return Judge(name, backend, [.. given.Outputs.SelectMany(output => Compare(given, output, outputs, archive))]);
        }
        catch (AttentionUnavailableException refusal) when (refusal.InnerException is null && options.Backend is not null)
        {
            // The rules refused; a backend that failed while it ran carries the failure as the inner exception.
            Verdict? verdict = refusal.Verdicts.FirstOrDefault(v => v.Backend == options.Backend);
            IEnumerable<string> reasons = (verdict?.Reasons ?? []).Select(Line);
            return new AttentionCaseResult(name, backend, ParityOutcome.Skipped, null, [], string.Join(" ", reasons));
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // Whatever a broken case or a defect of ours throws is that case's failure; the others still run.
            string cause = exception is ParityException or CheckpointFormatException or ArgumentException or FileNotFoundException
                ? exception.Message
                : $"{exception.GetType().Name}: {exception.Message}";
            return new AttentionCaseResult(name, backend, ParityOutcome.Failed, null, [], cause.ReplaceLineEndings(" "));
        }
    }

    private static (OnnxAttentionOutputs Outputs, string Backend) Compute(
        AttentionCase given,
        SafetensorsArchive archive,
        AttentionCaseOptions options,
        CancellationToken cancellationToken
    )
    {
        Dictionary<string, Tensor> tensors = given.Inputs.ToDictionary(
            input => input.Name,
            input => Read(archive, input).to(new Device(options.Device.ToString()))
        );
        var inputs = new OnnxAttentionInputs(Required("Q"), Required("K"), Required("V"))
        {
            Mask = tensors.GetValueOrDefault("attn_mask"),
            PastKey = tensors.GetValueOrDefault("past_key"),
            PastValue = tensors.GetValueOrDefault("past_value"),
            KeyLengths = tensors.GetValueOrDefault("nonpad_kv_seqlen"),
        };
        OnnxOptionalOutputs wanted = OnnxOptionalOutputs.None;
        foreach (CaseTensor output in given.Outputs)
        {
            wanted |= output.Name switch
            {
                "qk_matmul_output" => OnnxOptionalOutputs.Scores,
                "present_key" or "present_value" => OnnxOptionalOutputs.Present,
                _ => OnnxOptionalOutputs.None,
            };
        }
        if (options.Backend == AttentionBackendNames.Reference)
        {
            return (OnnxAttention.ComputeReference(inputs, given.Attributes, wanted), AttentionBackendNames.Reference);
        }
        // One dispatcher a case: what one case does to the quarantine must not touch the next.
        var dispatcher = new AttentionDispatcher(
            new AttentionDispatcherOptions
            {
                Policy = options.Backend is null ? Policy.Auto : Policy.Require(options.Backend),
                Machine = options.Machine,
            }
        );
        OnnxAttentionOutputs outputs = OnnxAttention.Compute(
            inputs,
            given.Attributes,
            wanted,
            dispatcher,
            "onnx.attention",
            cancellationToken
        );
        string[] used = [.. dispatcher.Snapshot().Select(use => use.Backend).Distinct()];
        return (outputs, used.Length > 0 ? string.Join("+", used) : options.Backend ?? "none");

        Tensor Required(string input) =>
            tensors.TryGetValue(input, out Tensor? tensor) ? tensor : throw new ParityException($"the case lists no input {input}");
    }

    private static Tensor Read(SafetensorsArchive archive, CaseTensor listed)
    {
        Tensor tensor = ParityTensors.Read(archive, listed.Name);
        TensorInfo stored = archive.Tensors[listed.Name];
        return stored.ElementType == listed.ElementType && stored.Shape.SequenceEqual(listed.Shape)
            ? tensor
            : throw new ParityException(
                $"{listed.Name} is listed as {listed.ElementType} ({string.Join(", ", listed.Shape)}), but stored as {stored.ElementType} ({string.Join(", ", stored.Shape)})"
            );
    }

    private static IEnumerable<ParityComparison> Compare(
        AttentionCase given,
        CaseTensor listed,
        OnnxAttentionOutputs outputs,
        SafetensorsArchive archive
    )
    {
        Tensor expected = Read(archive, listed);
        Tensor actual = (
            listed.Name switch
            {
                "Y" => outputs.Output,
                "present_key" => outputs.PresentKey!,
                "present_value" => outputs.PresentValue!,
                _ => outputs.Scores!,
            }
        ).cpu();
        if (actual.dtype != expected.dtype)
        {
            string types = $"the type is {actual.dtype}, expected {expected.dtype}";
            yield return new ParityComparison(listed.Name, false, double.PositiveInfinity, types);
            yield break;
        }
        bool isCopy = listed.Name is "present_key" or "present_value";
        (double atol, double rtol) = isCopy ? (0, 0) : Tolerance(given, expected.dtype);
        ParityComparison comparison = ParityComparer.Compare(listed.Name, actual, expected, atol, rtol);
        if (comparison.Passed && isCopy && !actual.contiguous().bytes.SequenceEqual(expected.bytes))
        {
            comparison = comparison with { Passed = false, Detail = "equal numbers, but not the same bits" };
        }
        yield return comparison;
    }

    /// <summary>The case's tolerance, else one that fits the type.</summary>
    private static (double Atol, double Rtol) Tolerance(AttentionCase given, ScalarType type)
    {
        (double atol, double rtol) = type switch
        {
            ScalarType.Float64 => (1e-9, 1e-7),
            ScalarType.Float32 => (1e-5, 1e-3),
            ScalarType.Float16 => (1e-2, 1e-2),
            _ => (2e-2, 2e-2),
        };
        return (given.Atol ?? atol, given.Rtol ?? rtol);
    }

    private static AttentionCaseResult Judge(string name, string backend, ParityComparison[] comparisons)
    {
        double largest = comparisons.Max(c => c.MaxAbsoluteError);
        double? finite = double.IsFinite(largest) ? largest : null;
        if (comparisons.FirstOrDefault(c => !c.Passed) is { } first)
        {
            return new AttentionCaseResult(name, backend, ParityOutcome.Failed, finite, comparisons, $"{first.Name}: {first.Detail}");
        }
        string message = string.Create(CultureInfo.InvariantCulture, $"max error {largest:0.0e+0}");
        return new AttentionCaseResult(name, backend, ParityOutcome.Passed, finite, comparisons, message);
    }
}
