namespace LatentSync.Attention.Wording;

/// <summary>A language that reasons, remedies and errors are written in.</summary>
public enum Language
{
    /// <summary>English.</summary>
    English,

    /// <summary>Simplified Chinese.</summary>
    Chinese,
}
