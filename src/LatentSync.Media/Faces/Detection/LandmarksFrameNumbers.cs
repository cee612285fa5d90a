namespace LatentSync.Media.Faces.Detection;

/// <summary>What the entries "frame" of a landmarks file count.</summary>
public enum LandmarksFrameNumbers
{
    /// <summary>The file doesn't say: as <see cref="Read"/>. So are files whose entries all have times.</summary>
    Unsaid,

    /// <summary>"read": frames at the constant rate that the program reads.</summary>
    Read,

    /// <summary>"stored": frames as the video stores them, whatever their times.</summary>
    Stored,
}
