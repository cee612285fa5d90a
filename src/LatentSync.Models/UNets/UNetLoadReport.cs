namespace LatentSync.Models.UNets;

/// <summary>What loading a U-Net did and did not use.</summary>
/// <param name="Missing">Keys that the network has and the file lacks or that were dropped; position tables, which a formula gives, are not counted.</param>
/// <param name="Unexpected">Keys that the file has and the network lacks; ignored.</param>
/// <param name="Dropped">Keys of the file left out by the original's rules: another number of input, output or audio channels.</param>
/// <param name="LooksLike">What the file looks like.</param>
/// <param name="GlobalStep">Training step that the file names; null when it names none.</param>
public sealed record UNetLoadReport(
    IReadOnlyList<string> Missing,
    IReadOnlyList<string> Unexpected,
    IReadOnlyList<string> Dropped,
    string LooksLike,
    long? GlobalStep
);
