namespace LatentSync.Media.Faces.Detection;

/// <summary>A box of the face cascade.</summary>
/// <param name="Box">Where, in pixels of the frame.</param>
/// <param name="Support">How many neighbouring windows were grouped into it: 42-88 for a face, 5-18 for things that are none
/// (measured).</param>
/// <param name="Eyes">The eyes in it; null when not found or not searched.</param>
internal sealed record HaarSighting(FaceBox Box, int Support, HaarEyes? Eyes);
