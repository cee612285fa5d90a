using LatentSync.Foundation.Wording;

namespace LatentSync.Models.UNets;

/// <summary>What loading a U-Net did and did not use.</summary>
/// <param name="Missing">Keys that the network has and the file lacks or that were dropped; position tables, which a formula gives, are not
/// counted.</param>
/// <param name="Unexpected">Keys that the file has and the network lacks; ignored.</param>
/// <param name="Dropped">Keys of the file left out by the original's rules: another number of input, output or audio channels.</param>
/// <param name="LooksLike">What the file looks like.</param>
/// <param name="GlobalStep">Training step that the file names; null when it names none.</param>
public sealed record UNetLoadReport(
    IReadOnlyList<string> Missing,
    IReadOnlyList<string> Unexpected,
    IReadOnlyList<string> Dropped,
    Sentence LooksLike,
    long? GlobalStep
)
{
    /// <summary>What a user should know about the file, one sentence each; empty when file and network fit exactly.</summary>
    public IReadOnlyList<string> Warnings
    {
        get
        {
            List<string> warnings = [];
            if (Missing.Count > 0 && Missing.All(UNetCheckpoint.IsTemporal))
            {
                warnings.Add(
                    Sentence.Say(
                        $"The checkpoint is {LooksLike}; {Missing.Count} tensors of temporal layers are missing, and those layers pass their input on unchanged."
                    )
                );
            }
            else if (Missing.Count > 0)
            {
                warnings.Add(
                    Sentence.Say(
                        $"The checkpoint is {LooksLike}; {Missing.Count} tensors are missing and keep their initial values ({Missing[0]}, ...)."
                    )
                );
            }
            if (Unexpected.Count > 0)
            {
                warnings.Add(
                    Sentence.Say($"{Unexpected.Count} tensors of the checkpoint are not used by this configuration ({Unexpected[0]}, ...).")
                );
            }
            return warnings;
        }
    }
}
