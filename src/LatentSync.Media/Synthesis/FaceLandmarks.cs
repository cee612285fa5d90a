using System.Numerics;

namespace LatentSync.Media.Synthesis;

/// <summary>Exact positions on a drawn face, in pixels of the frame (pixel centres at integers plus a half, as drawn).</summary>
/// <param name="LeftBrow">Middle of the brow on the picture's left: first alignment point.</param>
/// <param name="RightBrow">Middle of the other brow: second alignment point.</param>
/// <param name="Nose">Middle of the tip of the nose: third alignment point.</param>
/// <param name="MouthCentre">Where the lips meet when closed; does not depend on what is said.</param>
/// <param name="MouthLeft">Corner of the mouth on the picture's left.</param>
/// <param name="MouthRight">The other corner.</param>
/// <param name="UpperLipTop">Middle of the upper lip's upper edge.</param>
/// <param name="UpperLipBottom">Middle of the upper lip's lower edge.</param>
/// <param name="LowerLipTop">Middle of the lower lip's upper edge.</param>
/// <param name="LowerLipBottom">Middle of the lower lip's lower edge.</param>
/// <param name="Chin">Lowest point of the chin.</param>
/// <param name="UnitPixels">Length of one face unit in pixels.</param>
/// <param name="RollRadians">Tilt of the head, clockwise.</param>
public readonly record struct FaceLandmarks(
    Vector2 LeftBrow,
    Vector2 RightBrow,
    Vector2 Nose,
    Vector2 MouthCentre,
    Vector2 MouthLeft,
    Vector2 MouthRight,
    Vector2 UpperLipTop,
    Vector2 UpperLipBottom,
    Vector2 LowerLipTop,
    Vector2 LowerLipBottom,
    Vector2 Chin,
    float UnitPixels,
    float RollRadians)
{
    /// <summary>Gap between the lips in pixels.</summary>
    public float MouthOpeningPixels => Vector2.Distance(UpperLipBottom, LowerLipTop);
}
