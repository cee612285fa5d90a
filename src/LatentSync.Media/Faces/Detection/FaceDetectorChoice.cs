namespace LatentSync.Media.Faces.Detection;

/// <summary>The detector that was chosen, and why no other.</summary>
/// <param name="Detector">Ready to use; the caller disposes it.</param>
/// <param name="Reasons">One sentence for each better detector that is not there.</param>
public sealed record FaceDetectorChoice(IFaceDetector Detector, IReadOnlyList<string> Reasons);
