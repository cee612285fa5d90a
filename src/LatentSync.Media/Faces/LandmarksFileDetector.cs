using System.Globalization;
using LatentSync.Media.Video;

namespace LatentSync.Media.Faces;

/// <summary>"Finds" the faces that a landmarks file names.</summary>
public sealed class LandmarksFileDetector : IFaceDetector
{
    private readonly LandmarksFile _file;
    private readonly string _path;

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
    public string Describe() => string.Create(CultureInfo.InvariantCulture, $"landmarks file {_path}, {_file.FrameCount} frames with faces");

    /// <inheritdoc/>
    public IReadOnlyList<DetectedFace> Detect(VideoFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        return _file.FacesOf(frame.Index, frame.Width, frame.Height);
    }

    /// <inheritdoc/>
    public void Dispose() { }
}
