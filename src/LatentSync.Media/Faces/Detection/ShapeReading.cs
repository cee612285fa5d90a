using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Detection;

/// <summary>What the regression trees say about one face.</summary>
/// <param name="Points">The points to align by, in pixels of the frame.</param>
/// <param name="Box">The face's box as the trees' training has it, from the unit square to pixels of the frame.</param>
/// <param name="Spread">How far the answers from slightly different boxes lie apart, as a part of the distance of the eyes: about 0.01 on
/// a face.</param>
internal sealed record ShapeReading(AlignmentPoints Points, AffineMatrix Box, double Spread);
