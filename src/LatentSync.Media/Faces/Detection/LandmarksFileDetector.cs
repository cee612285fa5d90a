using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Faces.Detection;

/// <summary>"Finds" the faces that a landmarks file names.</summary>
public sealed class LandmarksFileDetector : IFaceDetector
{
    private readonly LandmarksFile _file;
    private readonly string _path;
    private StoredFrameMap? _stored;

    /// <summary>Reads the file.</summary>
    /// <param name="path">JSON as described in docs/landmarks-file.md.</param>
    /// <exception cref="FaceException">The file is missing or wrong.</exception>
    public LandmarksFileDetector(string path)
    {
        _file = LandmarksFile.Load(path);
        _path = path;
    }

    /// <inheritdoc/>
    public string Name => "landmarks";

    /// <inheritdoc/>
    public string Describe() => Sentence.Say($"landmarks file {_path}, {_file.FrameCount} frames with faces");

    /// <inheritdoc/>
    public async Task<string?> PrepareAsync(VideoReader video, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(video);
        if (_file.FrameNumbers is LandmarksFrameNumbers.Stored)
        {
            _stored = await video.MapStoredFramesAsync(cancellationToken).ConfigureAwait(false);
            return null;
        }

        return _file.FrameNumbers is LandmarksFrameNumbers.Unsaid && !await video.IsOneToOneAsync(cancellationToken).ConfigureAwait(false)
            ? Sentence.Say(
                $"The landmarks file does not say how it counts frames. They are taken as read, at a constant {video.FrameRate.ToDouble():0.###} per second, but this video stores them differently: if the file counts stored frames, add \"frameNumbers\": \"stored\" to it."
            )
            : null;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The file counts stored frames, and <see cref="PrepareAsync"/> was not
    /// called.</exception>
    public IReadOnlyList<DetectedFace> Detect(VideoFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        long index = _file.FrameNumbers is not LandmarksFrameNumbers.Stored
            ? frame.Index
            : _stored?.StoredIndex(frame.Index)
                ?? throw new InvalidOperationException("The landmarks file counts stored frames: call PrepareAsync first.");
        return _file.FacesOf(index, frame.Width, frame.Height);
    }

    /// <inheritdoc/>
    public void Dispose() { }
}
