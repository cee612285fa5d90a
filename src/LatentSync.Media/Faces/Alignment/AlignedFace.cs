namespace LatentSync.Media.Faces.Alignment;

/// <summary>A face cut out of its frame and aligned.</summary>
/// <param name="Matrix">Map from frame pixels to crop pixels.</param>
/// <param name="Crop">The crop, CropWidth x CropHeight of the template.</param>
/// <param name="Square">The crop stretched to Resolution x Resolution: what the network sees.</param>
public sealed record AlignedFace(AffineMatrix Matrix, FaceImage Crop, FaceImage Square);
