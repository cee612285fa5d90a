using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Detection;

/// <summary>A box of the face cascade.</summary>
/// <param name="Box">Where, in pixels of the frame.</param>
/// <param name="Support">How many neighbouring windows were grouped into it: 42-88 for a face, 5-18 for things that are none
/// (measured).</param>
/// <param name="Eyes">The eyes in it; null when not found or not searched.</param>
/// <param name="Reading">The points measured in it; null without a model of points, or when it knows no face there.</param>
/// <param name="Features">Brows and nose by their darkness; null when a reading is there, or when they do not stand out.</param>
internal sealed record HaarSighting(
    FaceBox Box,
    int Support,
    HaarEyes? Eyes,
    ShapeReading? Reading = null,
    AlignmentPoints? Features = null
);
