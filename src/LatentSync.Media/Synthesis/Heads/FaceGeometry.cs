using LatentSync.Media.Synthesis.Voices;
using SkiaSharp;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Where the parts of one face are in one frame, in face units around the middle between the brows at rest.</summary>
internal readonly struct FaceGeometry
{
    /// <summary>Gap of the lips at opening 1, for a mouth of size 1.</summary>
    public const float WidestOpening = 46;

    public FaceGeometry(HeadIdentity identity, in HeadPose pose, in MouthShape mouth)
    {
        Identity = identity;
        Shape = mouth;
        Turn = (float)pose.Yaw * 6;
        Lids = (float)pose.Lids;
        BrowLift = (float)pose.Brows;
        Gaze = new SKPoint((float)pose.GazeX, (float)pose.GazeY);
        float size = identity.MouthSize,
            rounding = (float)mouth.Rounding;
        Opening = WidestOpening * size * (float)mouth.Opening;
        HalfMouth = 39 * size * (1 + 0.46f * ((float)mouth.Width - 0.5f) - 0.26f * rounding) - 0.05f * Opening;
        Mouth = new SKPoint(Turn * 1.1f, identity.MouthY);
        CornerY = Mouth.Y + 0.2f * Opening - identity.Smile * (1 - rounding) - 2 * Math.Max(0, (float)mouth.Width - 0.5f);
        UpperInnerY = Mouth.Y - 0.22f * Opening;
        LowerInnerY = UpperInnerY + Opening;
        UpperLip = 8.5f * identity.LipThickness * (1 + 0.2f * rounding) * (1 - 0.15f * (float)mouth.Opening);
        LowerLip = 11 * identity.LipThickness * (1 + 0.2f * rounding) * (1 - 0.62f * (float)mouth.Tuck);
        JawDrop = 0.30f * Opening;
        ChinY = identity.ChinY + JawDrop;
    }

    public HeadIdentity Identity { get; }

    public MouthShape Shape { get; }

    /// <summary>Shift of the features when the head turns.</summary>
    public float Turn { get; }

    public float Lids { get; }

    public float BrowLift { get; }

    public SKPoint Gaze { get; }

    /// <summary>Gap between the lips in the middle.</summary>
    public float Opening { get; }

    public float HalfMouth { get; }

    /// <summary>Where the closed lips meet.</summary>
    public SKPoint Mouth { get; }

    public float CornerY { get; }

    public float UpperInnerY { get; }

    public float LowerInnerY { get; }

    public float UpperLip { get; }

    public float LowerLip { get; }

    public float JawDrop { get; }

    public float ChinY { get; }

    public SKPoint Brow(int side) => new(side * Identity.BrowX + Turn, -BrowLift);

    public SKPoint Eye(int side) => new(side * Identity.EyeX + Turn, 27);

    public SKPoint Nose => new(Turn * 1.35f, Identity.NoseY);
}
