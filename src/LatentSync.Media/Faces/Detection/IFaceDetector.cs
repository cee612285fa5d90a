using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Faces.Detection;

/// <summary>Finds faces in frames. May remember earlier frames: give it the frames of one video in order, from one thread.</summary>
public interface IFaceDetector : IDisposable
{
    /// <summary>The name it is chosen by: "landmarks", "insightface", "yunet", "dlib", "haar".</summary>
    string Name { get; }

    /// <summary>One sentence: what runs, on what, from which files, under which licence.</summary>
    string Describe();

    /// <summary>Called once, before the first frame of a video.</summary>
    /// <param name="video">The video that the frames come from.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>A sentence that the user should know; null for most detectors.</returns>
    /// <exception cref="MediaException">The video cannot be read.</exception>
    Task<string?> PrepareAsync(VideoReader video, CancellationToken cancellationToken = default) => Task.FromResult<string?>(null);

    /// <summary>The faces of a frame, in no particular order; empty if there are none.</summary>
    /// <param name="frame">The frame. Not modified.</param>
    IReadOnlyList<DetectedFace> Detect(VideoFrame frame);
}
