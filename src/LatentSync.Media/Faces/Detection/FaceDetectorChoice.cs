namespace LatentSync.Media.Faces.Detection;

/// <summary>The detector that was chosen, and why no other.</summary>
/// <param name="Detector">Ready to use; the caller disposes it.</param>
/// <param name="Reasons">One sentence for each better detector that is not there.</param>
public sealed record FaceDetectorChoice(IFaceDetector Detector, IReadOnlyList<string> Reasons)
{
    /// <summary>What runs, and what would be better; null reasons leave the latter out. A landmarks file is the user's own work, and so is
    /// not among what is missing.</summary>
    public string Description
    {
        get
        {
            string[] missing = [.. Reasons.Where(reason => !reason.StartsWith("landmarks:", StringComparison.Ordinal))];
            return missing.Length == 0
                ? Detector.Describe()
                : $"{Detector.Describe()}; better, if it were here: {string.Join("; ", missing)}";
        }
    }
}
