namespace LatentSync.Foundation.Wording;

/// <summary>A language that messages, reasons and remedies are written in.</summary>
public enum Language
{
    /// <summary>English.</summary>
    English,

    /// <summary>Simplified Chinese.</summary>
    Chinese,
}
