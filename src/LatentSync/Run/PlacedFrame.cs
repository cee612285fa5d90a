using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Run;

/// <summary>An output frame and its aligned face.</summary>
/// <param name="OutputIndex">Position in the result, from 0.</param>
/// <param name="Frame">The picture; whoever takes it disposes it.</param>
/// <param name="Face">The aligned face; null when the frame has none and passes through unchanged.</param>
internal sealed record PlacedFrame(int OutputIndex, VideoFrame Frame, AlignedFace? Face);
