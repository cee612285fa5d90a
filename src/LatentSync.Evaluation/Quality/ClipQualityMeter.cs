using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Compositing;
using LatentSync.Media.Faces.Masks;
using LatentSync.Media.Synthesis.Heads;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Evaluation.Quality;

/// <summary>Measures a lip-synced clip frame by frame beside its input and beside the drawing that it should look like.</summary>
/// <remarks>All three are the decoded frames of encoded files, so that what the encoder does to them counts the same.</remarks>
internal sealed class ClipQualityMeter
{
    private readonly IReadOnlyList<HeadLandmarks> _landmarks;
    private readonly IReadOnlyList<AffineMatrix?> _matrices;
    private readonly FaceTemplate _template;
    private readonly FaceCompositor _compositor;
    private readonly int _rowsAboveMask;
    private readonly SquaredErrorMeter _outside = new();
    private readonly FlickerMeter _outputFlicker;
    private readonly FlickerMeter _drawnFlicker;
    private readonly List<double> _input = [];
    private readonly List<double> _output = [];
    private float[] _weights = [];
    private double _similarity;
    private int _similarFrames;

    /// <summary>Prepares to measure a clip.</summary>
    /// <param name="landmarks">Where the head is in each frame of the input; at least as many as the output has frames.</param>
    /// <param name="frameCount">Frames of the output.</param>
    /// <param name="resolution">Side of the network's face picture in pixels.</param>
    public ClipQualityMeter(IReadOnlyList<HeadLandmarks> landmarks, int frameCount, int resolution)
    {
        _landmarks = landmarks;
        _template = new FaceTemplate(resolution);
        FaceMask mask = FaceMask.Create(resolution);
        _compositor = new FaceCompositor(_template, mask);
        _matrices = FaceAlignments.Of([.. landmarks.Take(frameCount).Select(l => l.Alignment)], _template);
        bool[] generated = [.. mask.Values.Select(v => v < 128)];
        _rowsAboveMask = Array.IndexOf(generated, true) / resolution;
        _outputFlicker = new FlickerMeter(generated);
        _drawnFlicker = new FlickerMeter(generated);
    }

    /// <summary>Mouth openings measured so far in the input.</summary>
    public IReadOnlyList<double> InputOpenings => _input;

    /// <summary>Mouth openings measured so far in the output.</summary>
    public IReadOnlyList<double> OutputOpenings => _output;

    /// <summary>Adds the next frame.</summary>
    /// <param name="input">Of the untouched video.</param>
    /// <param name="output">Of the lip-synced one, of the same size.</param>
    /// <param name="drawn">Of the same head drawn speaking the new speech.</param>
    public void Add(VideoFrame input, VideoFrame output, VideoFrame drawn)
    {
        int index = _output.Count;
        _input.Add(MouthOpeningMeter.Measure(input, _landmarks[index].Mouth));
        _output.Add(MouthOpeningMeter.Measure(output, _landmarks[index].Mouth));
        if (index >= _matrices.Count || _matrices[index] is not { } matrix)
        {
            return;
        }
        if (_weights.Length != output.Width * output.Height)
        {
            _weights = new float[output.Width * output.Height];
        }
        _compositor.CopyWeights(matrix, output.Width, output.Height, _weights);
        _outside.AddWhereZero(input.Rgb, output.Rgb, _weights);

        FaceImage before = FaceWarper.Crop(input, matrix, _template).Square,
            after = FaceWarper.Crop(output, matrix, _template).Square;
        if (_rowsAboveMask >= StructuralSimilarity.WindowSide)
        {
            _similarity += StructuralSimilarity.OfRgb(before.Rgb, after.Rgb, _template.Resolution, _rowsAboveMask);
            _similarFrames++;
        }
        _outputFlicker.Add(after.Rgb);
        _drawnFlicker.Add(FaceWarper.Crop(drawn, matrix, _template).Square.Rgb);
    }

    /// <summary>The figures of the frames added.</summary>
    /// <param name="implied">Opening that the new speech implies per frame.</param>
    /// <param name="unrelated">Opening that another sentence implies per frame.</param>
    public ClipQuality Complete(IReadOnlyList<double> implied, IReadOnlyList<double> unrelated) =>
        new()
        {
            Correlation = SpokenCorrelation(_output, implied),
            CorrelationUnrelated = SpokenCorrelation(_output, unrelated),
            CorrelationInput = SpokenCorrelation(_input, implied),
            OffsetFrames = AudioVisualOffset.Estimate(_output, implied).Frames,
            PsnrOutsideMask = _outside.Decibels,
            SsimUpperFace = _similarFrames == 0 ? 0 : _similarity / _similarFrames,
            FlickerRatio = _outputFlicker.Mean / Math.Max(_drawnFlicker.Mean, SmallestMovement),
        };

    // Every sentence begins and ends with closed lips: with those frames any two would correlate by about 0.2.
    private static double SpokenCorrelation(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        int count = Math.Min(a.Count, b.Count);
        int rest = count >= 5 * RestFrames ? RestFrames : 0;
        return PearsonCorrelation.Of(a, rest, b, rest, count - 2 * rest);
    }

    /// <summary>Frames at either end that correlations leave out, in clips long enough: about the pause before and after a
    /// sentence.</summary>
    private const int RestFrames = 8;

    // Squared levels; the drawn mouths of a sentence reach some tens. Keeps a clip of one frame from dividing by nothing.
    private const double SmallestMovement = 1e-3;
}
