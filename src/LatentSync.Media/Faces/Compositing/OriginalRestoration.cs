using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Faces.Compositing;

/// <summary>The original's paste of one face, with the steps on the way: what the golden fixture compares.</summary>
/// <param name="Output">The frame with the face.</param>
/// <param name="ResizedFace">(3, crop height, crop width): the face resized to the crop, not clamped.</param>
/// <param name="ErodedMask">(height, width) of the frame: the warped crop area after the 2x2 erosion.</param>
/// <param name="SoftMask">(height, width) of the frame: weight of the face.</param>
/// <param name="FaceArea">Sum of <paramref name="ErodedMask"/> in pixels.</param>
/// <param name="EdgeWidth">e = floor(floor(√area) / 20): the second erosion has 2e, the blur 2e + 1 pixels.</param>
public sealed record OriginalRestoration(
    VideoFrame Output,
    float[] ResizedFace,
    float[] ErodedMask,
    float[] SoftMask,
    double FaceArea,
    int EdgeWidth
);
