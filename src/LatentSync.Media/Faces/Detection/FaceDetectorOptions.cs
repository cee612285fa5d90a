namespace LatentSync.Media.Faces.Detection;

/// <summary>What the user gave for finding faces.</summary>
public sealed record FaceDetectorOptions
{
    /// <summary>Landmarks file; null: none.</summary>
    public string? LandmarksPath { get; init; }

    /// <summary>Folders that may hold face models, the first that does counts; each is looked through itself, and below it buffalo_l,
    /// models/buffalo_l and auxiliary/models/buffalo_l. Default none.</summary>
    public IReadOnlyList<string> ModelFolders { get; init; } = [];

    /// <summary>Folder with OpenCV's Haar cascades; null: the usual ones of this system.</summary>
    public string? CascadesFolder { get; init; }

    /// <summary>Look for dlib's model of face points where packages put it, besides <see cref="ModelFolders"/>. Default true.</summary>
    public bool UsualPointFolders { get; init; } = true;

    /// <summary>Round InsightFace's landmarks to integers as the original. Default false.</summary>
    public bool RoundLandmarks { get; init; }
}
