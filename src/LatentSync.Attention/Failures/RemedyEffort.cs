namespace LatentSync.Attention.Failures;

/// <summary>How much a remedy asks of the user; a list of remedies starts with the least.</summary>
public enum RemedyEffort
{
    /// <summary>An option of the command line or a word of the policy.</summary>
    Option,

    /// <summary>Another call: element type, mask, size.</summary>
    Call,

    /// <summary>Another package or another libtorch.</summary>
    Installation,

    /// <summary>The driver, with the rights of an administrator.</summary>
    Driver,

    /// <summary>Another machine.</summary>
    Hardware,
}
