using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Video.Reading;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Detection;

/// <summary>OpenCV's YuNet (FaceDetectorYN) with a model file given by the user: boxes and five points.</summary>
/// <remarks>Models face_detection_yunet_2023mar.onnx and later (OpenCV Zoo, MIT licence). The five points are mapped to brows and nose by
/// <see cref="FaceProportions.FromFivePoints"/>. Stateless.</remarks>
public sealed class YuNetDetector : IFaceDetector
{
    /// <summary>Long side of the picture the network sees; its anchors cover faces of about 10 to 300 pixels.</summary>
    internal const int LongSide = 640;

    private const float ScoreThreshold = 0.6f;
    private const float OverlapThreshold = 0.3f;
    private const int MaxCandidates = 5000;
    private const int Columns = 15;

    private readonly string _modelPath;
    private readonly ShapePoints? _points;
    private FaceDetectorYN? _network;
    private Size _size;

    /// <summary>Opens the model.</summary>
    /// <param name="modelPath">The .onnx file.</param>
    /// <exception cref="FaceException">The file is missing or another model.</exception>
    public YuNetDetector(string modelPath)
        : this(modelPath, null) { }

    /// <summary>Opens the model, to measure more points on its faces.</summary>
    /// <param name="modelPath">The .onnx file.</param>
    /// <param name="points">Measures them; null: brows derived from YuNet's own five points.</param>
    internal YuNetDetector(string modelPath, ShapePoints? points)
    {
        _points = points;
        ArgumentException.ThrowIfNullOrEmpty(modelPath);
        using (OnnxModel model = OnnxModel.Open(modelPath, "YuNet model"))
        {
            string[] required =
            [
                "cls_8",
                "cls_16",
                "cls_32",
                "obj_8",
                "obj_16",
                "obj_32",
                "bbox_8",
                "bbox_16",
                "bbox_32",
                "kps_8",
                "kps_16",
                "kps_32",
            ];
            string[] missing = [.. required.Except(model.OutputNames)];
            if (missing.Length > 0)
            {
                throw new FaceException(
                    FaceFault.Model,
                    $"{modelPath} lacks the output(s) {string.Join(", ", missing)}; face_detection_yunet_2023mar.onnx or a later YuNet is required.",
                    modelPath
                );
            }
        }
        _modelPath = modelPath;
    }

    /// <inheritdoc/>
    public string Name => "yunet";

    /// <inheritdoc/>
    public string Describe() =>
        Sentence.Say(
            _points is { } points
                ? (Sentence)
                    $"YuNet ({Path.GetFileName(_modelPath)}) on OpenCV {Cv2.GetVersionString()}, CPU; 68 points by dlib's regression trees ({points.Path})"
                : $"YuNet ({Path.GetFileName(_modelPath)}) on OpenCV {Cv2.GetVersionString()}, CPU; five points, brows estimated from the eyes"
        );

    /// <inheritdoc/>
    public IReadOnlyList<DetectedFace> Detect(VideoFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        using var picture = new FrameMat(frame);
        double scale = Math.Min(1.0, (double)LongSide / Math.Max(frame.Width, frame.Height));
        var size = new Size(Math.Max(1, (int)Math.Round(frame.Width * scale)), Math.Max(1, (int)Math.Round(frame.Height * scale)));
        using var small = new Mat();
        Cv2.Resize(picture.Mat, small, size, 0, 0, InterpolationFlags.Area);
        Cv2.CvtColor(small, small, ColorConversionCodes.RGB2BGR);
        using var rows = new Mat();
        try
        {
            NetworkFor(size).Detect(small, rows);
        }
        catch (OpenCVException e)
        {
            throw new FaceException(
                FaceFault.Model,
                $"OpenCV cannot run the YuNet model {_modelPath}: {e.Message}",
                _modelPath,
                innerException: e
            );
        }
        using Mat? grey = _points is null ? null : picture.Mat.CvtColor(ColorConversionCodes.RGB2GRAY);
        return Read(rows, AffineMatrix.Resize((double)frame.Width / size.Width, (double)frame.Height / size.Height), grey);
    }

    /// <inheritdoc/>
    public void Dispose() => _network?.Dispose();

    /// <summary>The network takes one size only, which this binding can set at creation alone; the frames of a video share it.</summary>
    private FaceDetectorYN NetworkFor(Size size)
    {
        if (_network is null || _size != size)
        {
            _network?.Dispose();
            _network = FaceDetectorYN.Create(_modelPath, string.Empty, size, ScoreThreshold, OverlapThreshold, MaxCandidates);
            _size = size;
        }
        return _network;
    }

    private List<DetectedFace> Read(Mat rows, AffineMatrix toFrame, Mat? grey)
    {
        var faces = new List<DetectedFace>();
        int count = rows.Cols == Columns ? rows.Rows : 0;
        for (int row = 0; row < count; row++)
        {
            // x, y, width, height; then eye, eye, nose, mouth corner, mouth corner (the picture's left first); score
            float[] v = new float[Columns];
            for (int i = 0; i < Columns; i++)
            {
                v[i] = rows.At<float>(row, i);
            }
            FacePoint low = toFrame.Apply(new(v[0], v[1])),
                high = toFrame.Apply(new(v[0] + v[2], v[1] + v[3]));
            AlignmentPoints points = FaceProportions
                .FromFivePoints(new(v[4], v[5]), new(v[6], v[7]), new(v[8], v[9]), new(v[10], v[11]), new(v[12], v[13]))
                .Transform(toFrame);
            if (grey is not null && points.IsUsable)
            {
                AffineMatrix guess = ShapePoints.BoxFromEyes(toFrame.Apply(new(v[4], v[5])), toFrame.Apply(new(v[6], v[7])));
                points = _points!.Measure(grey, guess)?.Points ?? points;
            }
            if (points.IsUsable)
            {
                faces.Add(new DetectedFace(new FaceBox(low.X, low.Y, high.X, high.Y), v[14], points, true));
            }
        }
        return faces;
    }
}
