using LatentSync.Media.Video;

namespace LatentSync.Media.Faces;

/// <summary>Finds faces in frames. May remember earlier frames: give it the frames of one video in order, from one thread.</summary>
public interface IFaceDetector : IDisposable
{
    /// <summary>The name it is chosen by: "insightface", "yunet", "haar", "landmarks".</summary>
    string Name { get; }

    /// <summary>One sentence: what runs, on what, from which files, under which licence.</summary>
    string Describe();

    /// <summary>The faces of a frame, in no particular order; empty if there are none.</summary>
    /// <param name="frame">The frame. Not modified.</param>
    IReadOnlyList<DetectedFace> Detect(VideoFrame frame);
}
