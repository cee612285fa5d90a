namespace LatentSync.Media.Faces.Tracking;

/// <summary>A frame whose face is decided.</summary>
/// <param name="FrameIndex">The frame.</param>
/// <param name="Face">Null when it has none: such a frame passes through unchanged.</param>
public readonly record struct TrackedFrame(long FrameIndex, TrackedFace? Face);
