using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Detection;

/// <summary>From the points a detector sees to the three points that faces are aligned by.</summary>
/// <remarks>
/// The networks were trained on crops aligned by InsightFace's brows and nose, so other detectors must land on the same places. Unit: the
/// distance between the eyes' centres (d). From mean faces: on the mean shape of the 68-point annotation the brow points' centres are 1.14
/// d apart and
/// 0.30 d above the eyes, the nose's tip is 0.60 d below them; on the five-point face of ArcFace's alignment the tip is 0.57 d and the
/// mouth's corners
/// 1.15 d below. A triangle of eyes and nose would enlarge the face by 1.28 against one of brows and nose. With the values below the centre
/// of the three points lies on the line of the eyes; in the square picture at 256 the eyes are at row 68, the mouth near 161, the chin near
/// 220 of 256: inside the generated region.
/// </remarks>
public static class FaceProportions
{
    /// <summary>Distance between the brows' centres, in distances between the eyes.</summary>
    public const double BrowDistance = 1.13;

    /// <summary>Height of the brows above the eyes, in distances between the eyes.</summary>
    public const double BrowHeight = 0.28;

    /// <summary>Depth of the nose below the eyes, in distances between the eyes.</summary>
    public const double NoseDepth = 0.57;

    /// <summary>Depth of the mouth's corners below the eyes, in distances between the eyes.</summary>
    public const double MouthDepth = 1.15;

    /// <summary>From the centres of both eyes, for an upright head seen from the front.</summary>
    /// <param name="leftEye">Eye on the picture's left.</param>
    /// <param name="rightEye">Eye on the picture's right.</param>
    public static AlignmentPoints FromEyes(FacePoint leftEye, FacePoint rightEye)
    {
        FacePoint across = rightEye - leftEye;
        FacePoint down = new(-across.Y, across.X);
        FacePoint centre = FacePoint.Lerp(leftEye, rightEye, 0.5);
        return Brows(centre, across, down * BrowHeight, centre + (down * NoseDepth));
    }

    /// <summary>From the picture of an upright face to the frame, such that the eyes lie on the eyes.</summary>
    /// <param name="leftEye">Eye on the picture's left, in pixels of the frame.</param>
    /// <param name="rightEye">Eye on the picture's right.</param>
    /// <param name="distance">Distance between the eyes in the picture of the face.</param>
    /// <param name="middle">The middle between them there.</param>
    internal static AffineMatrix OntoEyes(FacePoint leftEye, FacePoint rightEye, double distance, FacePoint middle)
    {
        FacePoint across = (rightEye - leftEye) * (1 / distance);
        var turn = new AffineMatrix(across.X, -across.Y, 0, across.Y, across.X, 0);
        FacePoint corner = FacePoint.Lerp(leftEye, rightEye, 0.5) - turn.Apply(middle);
        return turn with { C = corner.X, F = corner.Y };
    }

    /// <summary>From eyes, nose and mouth corners, as YuNet and most detectors give them.</summary>
    /// <param name="leftEye">Eye on the picture's left.</param>
    /// <param name="rightEye">Eye on the picture's right.</param>
    /// <param name="nose">Tip of the nose.</param>
    /// <param name="leftMouth">Mouth corner on the picture's left.</param>
    /// <param name="rightMouth">Mouth corner on the picture's right.</param>
    /// <remarks>Eyes come closer when the head turns, but their height over the mouth stays: so the brows' height is measured in the
    /// latter.</remarks>
    public static AlignmentPoints FromFivePoints(
        FacePoint leftEye,
        FacePoint rightEye,
        FacePoint nose,
        FacePoint leftMouth,
        FacePoint rightMouth
    )
    {
        FacePoint centre = FacePoint.Lerp(leftEye, rightEye, 0.5);
        FacePoint down = (FacePoint.Lerp(leftMouth, rightMouth, 0.5) - centre) * (1 / MouthDepth);
        return Brows(centre, rightEye - leftEye, down * BrowHeight, nose);
    }

    /// <summary>From the 68 points of the iBUG annotation (dlib, many others).</summary>
    /// <param name="landmarks">68 points.</param>
    public static AlignmentPoints From68(ReadOnlySpan<FacePoint> landmarks)
    {
        RequireCount(landmarks, 68);
        return new AlignmentPoints(
            FacePoint.Mean(landmarks[17..22]),
            FacePoint.Mean(landmarks[22..27]),
            FacePoint.Mean(landmarks[29], landmarks[30], landmarks[31], landmarks[33], landmarks[35])
        );
    }

    /// <summary>From the 106 points of InsightFace's 2d106det, with the original's indices.</summary>
    /// <param name="landmarks">106 points.</param>
    public static AlignmentPoints From106(ReadOnlySpan<FacePoint> landmarks)
    {
        RequireCount(landmarks, 106);
        return new AlignmentPoints(
            FacePoint.Mean(landmarks[43], landmarks[48], landmarks[49], landmarks[51], landmarks[50]),
            FacePoint.Mean(landmarks[101..106]),
            FacePoint.Mean(landmarks[74], landmarks[77], landmarks[83], landmarks[86])
        );
    }

    /// <summary>The original's way with 106 points: rounded to integers, averaged, rounded again.</summary>
    /// <param name="landmarks">106 points.</param>
    public static AlignmentPoints From106Rounded(ReadOnlySpan<FacePoint> landmarks)
    {
        var rounded = new FacePoint[landmarks.Length];
        for (int i = 0; i < rounded.Length; i++)
        {
            rounded[i] = landmarks[i].Rounded();
        }
        return From106(rounded).Rounded();
    }

    /// <summary>A box around a face of which only the three points are known: about from the hair line to the chin.</summary>
    /// <param name="points">The points.</param>
    public static FaceBox BoxAround(AlignmentPoints points)
    {
        // radius of the triangle above: 0.61 d; a face is about 2.1 d wide and reaches from 1.0 d above the eyes to 1.95 d below
        FacePoint centre = points.Centre;
        double eyes = points.Radius / 0.61;
        return new FaceBox(centre.X - (1.05 * eyes), centre.Y - eyes, centre.X + (1.05 * eyes), centre.Y + (1.95 * eyes));
    }

    private static AlignmentPoints Brows(FacePoint eyes, FacePoint across, FacePoint lift, FacePoint nose) =>
        new(eyes - (across * (BrowDistance / 2)) - lift, eyes + (across * (BrowDistance / 2)) - lift, nose);

    private static void RequireCount(ReadOnlySpan<FacePoint> landmarks, int required)
    {
        if (landmarks.Length != required)
        {
            throw new ArgumentException($"{required} landmarks are required, but {landmarks.Length} were given.", nameof(landmarks));
        }
    }
}
