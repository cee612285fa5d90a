using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Video.Reading;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Detection;

/// <summary>InsightFace's detector and 106 landmarks (det_10g.onnx and 2d106det.onnx of the pack buffalo_l) with the original's
/// rules.</summary>
/// <remarks>The models are not part of this project and may only be used for non-commercial research. The original hands RGB frames to a
/// package that expects BGR, so both networks get blue, green, red; that is kept. Stateless.</remarks>
public sealed class InsightFaceDetector : IFaceDetector
{
    /// <summary>File name of the detector.</summary>
    public const string DetectorFile = "det_10g.onnx";

    /// <summary>File name of the landmark network.</summary>
    public const string LandmarkFile = "2d106det.onnx";

    private const int LandmarkSide = 192;
    private const int LandmarkCount = 106;

    private readonly OnnxModel _detector;
    private readonly OnnxModel _landmarker;
    private readonly bool _roundLandmarks;

    /// <summary>Opens the two models.</summary>
    /// <param name="folder">Folder that holds <see cref="DetectorFile"/> and <see cref="LandmarkFile"/>.</param>
    /// <param name="roundLandmarks">Round landmarks and points to integers as the original does. Default false: sub-pixel.</param>
    /// <exception cref="FaceException">A file is missing or another model.</exception>
    public InsightFaceDetector(string folder, bool roundLandmarks = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        _roundLandmarks = roundLandmarks;
        _detector = OnnxModel.Open(Path.Combine(folder, DetectorFile), "face detector");
        try
        {
            if (_detector.OutputNames.Count is not (6 or 9))
            {
                throw new FaceException(
                    FaceFault.Model,
                    $"{_detector.Path} has {_detector.OutputNames.Count} outputs, but InsightFace's {DetectorFile} has 9: scores, boxes and keypoints of three strides.",
                    _detector.Path
                );
            }
            _landmarker = OnnxModel.Open(Path.Combine(folder, LandmarkFile), "landmark model");
        }
        catch
        {
            _detector.Dispose();
            throw;
        }
        if (_landmarker.OutputNames.Count != 1 || _landmarker.InputShape[2] != LandmarkSide || _landmarker.InputShape[3] != LandmarkSide)
        {
            Sentence found = $"{_landmarker.OutputNames.Count} output(s) and an input of {string.Join('x', _landmarker.InputShape)}";
            Dispose();
            throw new FaceException(
                FaceFault.Model,
                $"{_landmarker.Path} has {found}, but InsightFace's {LandmarkFile} has 1 output and an input of ?x3x{LandmarkSide}x{LandmarkSide}.",
                _landmarker.Path
            );
        }
    }

    /// <inheritdoc/>
    public string Name => "insightface";

    /// <inheritdoc/>
    public string Describe() =>
        Sentence.Say(
            $"InsightFace {DetectorFile} and {LandmarkFile} on ONNX Runtime ({_detector.Provider}); 106 landmarks; the models' licence allows non-commercial research only"
        );

    /// <inheritdoc/>
    public IReadOnlyList<DetectedFace> Detect(VideoFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        using var picture = new FrameMat(frame);
        IReadOnlyList<ScrfdDecoder.Candidate> boxes = FindBoxes(picture.Mat);
        var faces = new List<DetectedFace>(boxes.Count);
        foreach (ScrfdDecoder.Candidate candidate in boxes)
        {
            if (candidate.Box.Width < 1 || candidate.Box.Height < 1)
            {
                continue;
            }
            FacePoint[] landmarks = FindLandmarks(picture.Mat, candidate.Box);
            AlignmentPoints points = _roundLandmarks ? FaceProportions.From106Rounded(landmarks) : FaceProportions.From106(landmarks);
            if (points.IsUsable)
            {
                faces.Add(new DetectedFace(candidate.Box, candidate.Score, points, true));
            }
        }
        return faces;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _detector.Dispose();
        _landmarker?.Dispose();
    }

    private IReadOnlyList<ScrfdDecoder.Candidate> FindBoxes(Mat picture)
    {
        const int side = ScrfdDecoder.InputSide;
        (int width, int height, double scale) = ScrfdDecoder.Letterbox(picture.Width, picture.Height);
        using var input = new Mat(side, side, MatType.CV_8UC3, Scalar.Black);
        using (var corner = new Mat(input, new Rect(0, 0, width, height)))
        {
            Cv2.Resize(picture, corner, new Size(width, height), 0, 0, InterpolationFlags.Linear);
        }
        float[][] outputs = _detector.Run(BluePlanesFirst(input, 127.5f, 1 / 128f), [1, 3, side, side]);
        var found = new List<ScrfdDecoder.Candidate>();
        for (int level = 0; level < ScrfdDecoder.Strides.Length; level++)
        {
            int stride = ScrfdDecoder.Strides[level],
                rows = ScrfdDecoder.RowsOf(stride);
            float[] scores = outputs[level],
                distances = outputs[level + ScrfdDecoder.Strides.Length];
            if (scores.Length != rows || distances.Length != 4 * rows)
            {
                throw new FaceException(
                    FaceFault.Model,
                    $"{_detector.Path} gives {scores.Length} scores and {distances.Length} box values for stride {stride}, but InsightFace's {DetectorFile} gives {rows} and {4 * rows}.",
                    _detector.Path
                );
            }
            ScrfdDecoder.DecodeLevel(scores, distances, stride, scale, found);
        }
        return ScrfdDecoder.Suppress(found);
    }

    private FacePoint[] FindLandmarks(Mat picture, FaceBox box)
    {
        const double half = LandmarkSide / 2.0;
        double scale = LandmarkSide / (Math.Max(box.Width, box.Height) * 1.5);
        FacePoint centre = box.Centre;
        var map = new AffineMatrix(scale, 0, half - (scale * centre.X), 0, scale, half - (scale * centre.Y));
        using Mat matrix = Mat.FromPixelData(2, 3, MatType.CV_64FC1, new[] { map.A, map.B, map.C, map.D, map.E, map.F });
        using var crop = new Mat();
        Cv2.WarpAffine(
            picture,
            crop,
            matrix,
            new Size(LandmarkSide, LandmarkSide),
            InterpolationFlags.Linear,
            BorderTypes.Constant,
            Scalar.Black
        );
        float[] output = _landmarker.Run(BluePlanesFirst(crop, 0, 1), [1, 3, LandmarkSide, LandmarkSide])[0];
        if (output.Length != 2 * LandmarkCount)
        {
            throw new FaceException(
                FaceFault.Model,
                $"{_landmarker.Path} gives {output.Length} numbers, but InsightFace's {LandmarkFile} gives {2 * LandmarkCount}.",
                _landmarker.Path
            );
        }
        AffineMatrix back = map.Invert();
        var landmarks = new FacePoint[LandmarkCount];
        for (int i = 0; i < landmarks.Length; i++)
        {
            landmarks[i] = back.Apply(new FacePoint((output[2 * i] + 1) * half, (output[(2 * i) + 1] + 1) * half));
        }
        return landmarks;
    }

    /// <summary>(1, 3, height, width): planes of blue, green, red, each (value - mean) · factor.</summary>
    private static unsafe float[] BluePlanesFirst(Mat picture, float mean, float factor)
    {
        int pixels = picture.Width * picture.Height;
        float[] planes = new float[3 * pixels];
        var packed = new ReadOnlySpan<byte>((void*)picture.Data, 3 * pixels);
        for (int i = 0; i < pixels; i++)
        {
            planes[i] = (packed[(3 * i) + 2] - mean) * factor;
            planes[pixels + i] = (packed[(3 * i) + 1] - mean) * factor;
            planes[(2 * pixels) + i] = (packed[3 * i] - mean) * factor;
        }
        return planes;
    }
}
