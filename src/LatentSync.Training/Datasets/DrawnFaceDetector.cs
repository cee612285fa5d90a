using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Synthesis.Heads;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Training.Datasets;

/// <summary>"Finds" the face of a drawn frame: where it was drawn is known exactly.</summary>
internal sealed class DrawnFaceDetector : IFaceDetector
{
    private readonly Dictionary<long, IReadOnlyList<DetectedFace>> _faces = [];

    /// <inheritdoc/>
    public string Name => "drawn";

    /// <summary>The faces known by now.</summary>
    public IReadOnlyDictionary<long, IReadOnlyList<DetectedFace>> Faces => _faces;

    /// <inheritdoc/>
    public string Describe() => "the points that the head was drawn by";

    /// <summary>Notes where the face of a frame is, before the frame is shown to <see cref="Detect"/>.</summary>
    public void Add(long frameIndex, HeadLandmarks landmarks) =>
        _faces[frameIndex] = [new DetectedFace(FaceProportions.BoxAround(landmarks.Alignment), 1, landmarks.Alignment, true)];

    /// <inheritdoc/>
    public IReadOnlyList<DetectedFace> Detect(VideoFrame frame) => _faces.GetValueOrDefault(frame.Index, []);

    /// <inheritdoc/>
    public void Dispose() { }
}
