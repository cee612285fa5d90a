using System.Text.Json;
using System.Text.Json.Serialization;

namespace LatentSync.Doctor;

/// <summary>The doctor's findings.</summary>
/// <param name="Machine">What the machine is.</param>
/// <param name="Backends">Every attention backend and why it does or does not run.</param>
/// <param name="Checks">Every check, in the order to read.</param>
public sealed record DoctorReport(MachineReport Machine, IReadOnlyList<BackendStatus> Backends, IReadOnlyList<DoctorCheck> Checks)
{
    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    /// <summary>The main job can run here: no check ended in an error.</summary>
    public bool CanSync => Checks.All(check => check.Status != DoctorStatus.Error);

    /// <summary>The exit code of <c>latentsync doctor</c>: 0 when the main job can run, else 3.</summary>
    [JsonIgnore]
    public int ExitCode => CanSync ? 0 : 3;

    /// <summary>The report in the form of the command line's contract, indented, camelCase.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Format);
}
