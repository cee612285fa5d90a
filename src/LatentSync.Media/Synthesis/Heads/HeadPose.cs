namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Where the head is and what the upper face does at one moment.</summary>
/// <param name="X">Sideways, in face units (1 unit is about 1.15 pixels of a 512-pixel picture).</param>
/// <param name="Y">Downwards, in face units.</param>
/// <param name="RollDegrees">Tilt, clockwise.</param>
/// <param name="Scale">Factor on the size, about 1.</param>
/// <param name="Yaw">Turn of the head, -1..1: moves the features on the face.</param>
/// <param name="Lids">0 eyes open, 1 shut.</param>
/// <param name="Brows">Lift of the brows in face units.</param>
/// <param name="GazeX">Direction of the eyes sideways, -1..1.</param>
/// <param name="GazeY">Direction of the eyes downwards, -1..1.</param>
public readonly record struct HeadPose(
    double X,
    double Y,
    double RollDegrees,
    double Scale,
    double Yaw,
    double Lids,
    double Brows,
    double GazeX,
    double GazeY
)
{
    /// <summary>Upright, in the middle, looking at the viewer.</summary>
    public static HeadPose Rest { get; } = new(0, 0, 0, 1, 0, 0, 0, 0, 0);
}
