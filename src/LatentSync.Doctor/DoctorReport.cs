using System.Text.Json;
using System.Text.Json.Serialization;
using LatentSync.Attention.Machines;
using LatentSync.Doctor.Estimates;
using LatentSync.Doctor.Layers;

namespace LatentSync.Doctor;

/// <summary>The doctor's findings, in the language that was current when they were made.</summary>
/// <param name="Machine">What the machine is.</param>
/// <param name="Backends">Every attention backend and why it does or does not run, for the UNet's largest self-attention at 256
/// pixels.</param>
/// <param name="Checks">Every check, in the order to read.</param>
public sealed record DoctorReport(MachineReport Machine, IReadOnlyList<BackendStatus> Backends, IReadOnlyList<DoctorCheck> Checks)
{
    internal static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>The form of the JSON; a number more when a key goes or changes its meaning, not when one is added.</summary>
    [JsonPropertyOrder(-1)]
    public int SchemaVersion => 1;

    /// <summary>The main job can run here: no check ended in an error.</summary>
    public bool CanSync => Checks.All(check => check.Status != DoctorStatus.Error);

    /// <summary>The machine was described, not found: nothing was loaded or measured.</summary>
    public bool IsDescribed { get; init; }

    /// <summary>The verdict in one sentence.</summary>
    public string Verdict => DoctorVerdict.Of(this);

    /// <summary>Where LatentSync computes by default, "cpu" or "cuda:0"; null when nobody asked the attention rules.</summary>
    public string? Device => Survey?.Device.ToString();

    /// <summary>The element type it computes in by default, "f32", or the one to ask for where only that fits; null when nobody asked the
    /// attention rules.</summary>
    public string? DType => Survey is null ? null : Attention.Problems.AttentionDTypes.ShortName(Survey.DType);

    /// <summary>The vectors in which managed-flash computes where the processor does the work; null when nobody asked the attention
    /// rules.</summary>
    public VectorPath? VectorPath { get; init; }

    /// <summary>How long a lip-sync takes; null when it could neither be measured nor calculated.</summary>
    public SyncEstimate? Estimate { get; init; }

    /// <summary>What would make it faster, beyond the remedies of the checks; the least effort first.</summary>
    public IReadOnlyList<DoctorSuggestion> Suggestions { get; init; } = [];

    /// <summary>What was assumed about a described machine.</summary>
    public IReadOnlyList<string> Assumptions { get; init; } = [];

    /// <summary>What should be known about the choice of a described libtorch's build.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>What runs for each layer of the networks at 256 and 512 pixels.</summary>
    public IReadOnlyList<LayerReport> Layers => Survey is null ? [] : [.. Survey.Answers.Select(LayerReport.Of)];

    /// <summary>What the networks take at each resolution.</summary>
    public IReadOnlyList<NetworkMemory> NetworkMemory => Survey?.Memory ?? [];

    /// <summary>The same as data for programs; null when nobody asked the attention rules.</summary>
    [JsonIgnore]
    public LayerSurvey? Survey { get; init; }

    /// <summary>The exit code of <c>latentsync doctor</c>: 0 when the main job can run, else 3.</summary>
    [JsonIgnore]
    public int ExitCode => CanSync ? 0 : 3;

    /// <summary>The report in the form of the command line's contract, indented, camelCase.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Format);
}
