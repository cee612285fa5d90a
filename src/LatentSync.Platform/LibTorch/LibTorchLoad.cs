using System.Text.Json.Serialization;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.LibTorch;

/// <summary>The libtorch of this process and how it came in.</summary>
/// <param name="Folder">The folder of libtorch_cpu.</param>
/// <param name="IsExternal">It was given by option or environment, not found beside the program.</param>
/// <param name="Version">"2.10.0"; null when the folder does not say.</param>
/// <param name="Flavor">"cpu", "cu128", "rocm6.4", ...; "cuda" when only that is known.</param>
/// <param name="BridgePath">The bridge that was loaded: TorchSharp's own file or its repaired copy.</param>
/// <param name="Repaired">The bridge needed the repair of its symbol versions.</param>
/// <param name="CacheFile">The repaired copy that stays for the next run; null without repair or when nothing could be kept.</param>
/// <param name="Warnings">What works but may not be wanted, each one sentence.</param>
/// <param name="Trace">Each step, in order.</param>
public sealed record LibTorchLoad(
    string Folder,
    bool IsExternal,
    string? Version,
    string Flavor,
    string BridgePath,
    bool Repaired,
    string? CacheFile,
    IReadOnlyList<string> Warnings,
    IReadOnlyList<LoadStep> Trace
)
{
    /// <summary>The bridge's handle, for the resolver of TorchSharp's calls.</summary>
    [JsonIgnore]
    public nint BridgeHandle { get; init; }
}
