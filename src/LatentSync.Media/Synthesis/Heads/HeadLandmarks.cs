using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Exact positions on a drawn face, in pixels of the frame (the centre of the top-left pixel is (0, 0)).</summary>
/// <param name="Alignment">Middles of the brows and of the tip of the nose: the three points that alignment uses.</param>
/// <param name="MouthCentre">Where the lips meet when closed; does not depend on what is said.</param>
/// <param name="MouthLeft">Corner of the mouth on the picture's left.</param>
/// <param name="MouthRight">The other corner.</param>
/// <param name="UpperLipTop">Middle of the upper lip's upper edge.</param>
/// <param name="UpperLipBottom">Middle of the upper lip's lower edge.</param>
/// <param name="LowerLipTop">Middle of the lower lip's upper edge.</param>
/// <param name="LowerLipBottom">Middle of the lower lip's lower edge.</param>
/// <param name="Chin">Lowest point of the chin.</param>
/// <param name="UnitPixels">Length of one face unit (a pixel of the 210 x 280 crop) in pixels of the frame.</param>
/// <param name="RollRadians">Tilt of the head, clockwise.</param>
public readonly record struct HeadLandmarks(
    AlignmentPoints Alignment,
    FacePoint MouthCentre,
    FacePoint MouthLeft,
    FacePoint MouthRight,
    FacePoint UpperLipTop,
    FacePoint UpperLipBottom,
    FacePoint LowerLipTop,
    FacePoint LowerLipBottom,
    FacePoint Chin,
    double UnitPixels,
    double RollRadians
)
{
    /// <summary>Gap between the lips in pixels.</summary>
    public double MouthOpeningPixels => (LowerLipTop - UpperLipBottom).Length;

    /// <summary>Where <see cref="MouthOpeningMeter"/> has to look.</summary>
    public MouthRegion Mouth => new(MouthCentre, UnitPixels, RollRadians);
}
