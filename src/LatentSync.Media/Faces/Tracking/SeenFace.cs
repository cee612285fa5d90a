using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Faces.Tracking;

/// <summary>A detected face and how it looks.</summary>
/// <param name="Face">What the detector found.</param>
/// <param name="Look">How it looks; null: not looked at, and persons are told apart by their places only.</param>
public readonly record struct SeenFace(DetectedFace Face, FaceSignature? Look);
