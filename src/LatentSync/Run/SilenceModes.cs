using LatentSync.Foundation.Options;

namespace LatentSync.Run;

/// <summary>What is shown in pauses of the speech.</summary>
public enum SilenceMode
{
    /// <summary>What the network makes of silence.</summary>
    Generate,

    /// <summary>The untouched picture, faded to.</summary>
    Original,
}

/// <summary>What can be shown in pauses of the speech.</summary>
public static class SilenceModes
{
    /// <summary>The original's first.</summary>
    public static IReadOnlyList<Choice<SilenceMode>> All { get; } =
    [
        new("generate", "generate the mouth, as the original does", SilenceMode.Generate),
        new("original", "fade to the untouched picture", SilenceMode.Original),
    ];
}
