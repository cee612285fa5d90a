using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using LatentSync.Checkpoints;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Compositing;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Lab.Parity;

/// <summary>Alignment matrices, smoothing state, warped crops and pasted pictures against the original's.</summary>
/// <remarks>Everything is recomputed from the landmarks and the picture: crops and pastes use the matrices computed here, not the stored
/// ones.</remarks>
public sealed partial class FaceGeometryParity : IParityFixture
{
    // Not named in the manifest; 30 times the float32 rounding of a 16-tap sum of values near 1.
    private const double ResizeTolerance = 1e-4;

    private const int DefaultResolution = 256;

    /// <inheritdoc/>
    public bool Recognises(ParityManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return manifest.Fixture == "face_geometry" || manifest.Component.StartsWith("AlignRestore", StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public IEnumerable<ParityComparison> Run(ParityManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        using var archive = new SafetensorsArchive(manifest.File("io.safetensors"));
        return new Computation(manifest.Root, archive).Compare();
    }

    private sealed class Computation
    {
        private readonly JsonElement _manifest;
        private readonly SafetensorsArchive _archive;
        private readonly FaceTemplate _template;
        private readonly VideoFrame? _frame;
        private readonly (double Levels, double Share, double Mean) _pictures;
        private readonly List<ParityComparison> _results = [];
        private readonly long[] _shape = [0, 0, 3, 2];
        private readonly double[] _landmarks = [];

        public Computation(JsonElement manifest, SafetensorsArchive archive)
        {
            _manifest = manifest;
            _archive = archive;
            bool hasResolution = manifest.TryGetProperty("config", out JsonElement config) && config.TryGetProperty("resolution", out _);
            _template = new FaceTemplate(hasResolution ? config.GetProperty("resolution").GetInt32() : DefaultResolution);
            _pictures = PictureTolerances(
                manifest.TryGetProperty("tolerances", out JsonElement all) && all.TryGetProperty("uint8_pictures", out JsonElement prose)
                    ? prose.ToString()
                    : string.Empty
            );
            if (Has("landmarks"))
            {
                _shape = [.. archive.Tensors["landmarks"].Shape]; // (sequences, frames, 3, 2), or (frames, 3, 2) of one sequence
                _shape = _shape.Length == 3 ? [1, .. _shape] : _shape;
                if (_shape.Length != 4 || _shape[2] != 3 || _shape[3] != 2)
                {
                    throw new ParityException(
                        $"The fixture's landmarks are ({string.Join(", ", _shape)}); (sequences, frames, 3, 2) is required."
                    );
                }
                _landmarks = Read("landmarks");
            }
            if (Has("image"))
            {
                long[] picture = [.. archive.Tensors["image"].Shape]; // (height, width, 3)
                _frame = new VideoFrame((int)picture[1], (int)picture[0], [.. Read("image").Select(v => (byte)v)], 0);
            }
        }

        public IReadOnlyList<ParityComparison> Compare()
        {
            if (Has("face_template"))
            {
                Close("face_template", Flatten(_template.Points), Read("face_template"), 1e-6, 0);
            }
            if (_landmarks.Length > 0)
            {
                CompareMatrices();
            }
            if (_landmarks.Length > 0 && _frame is not null)
            {
                CompareCrops(_frame);
                ComparePastes(_frame);
            }
            return _results; // the runner fails a fixture that has nothing to compare
        }

        private void CompareMatrices()
        {
            (double[] matrices, double[] bias) = AlignAll(_template, smoothing: true, 0, (int)_shape[0]);
            double atol = Tolerance("matrices", "atol", 0.002),
                rtol = Tolerance("matrices", "rtol", 0.0001);
            if (Has("matrices"))
            {
                Close("matrices", matrices, Read("matrices"), atol, rtol);
            }
            if (Has("bias"))
            {
                Close("bias", bias, Read("bias"), Tolerance("bias", "atol", 0.0001), 0);
            }
            if (Has("matrices_unsmoothed"))
            {
                Close(
                    "matrices_unsmoothed",
                    AlignAll(_template, false, 0, (int)_shape[0]).Matrices,
                    Read("matrices_unsmoothed"),
                    atol,
                    rtol
                );
            }
            foreach (string name in _archive.Tensors.Keys.Order(StringComparer.Ordinal))
            {
                if (OtherResolution().Match(name) is { Success: true } match)
                {
                    var template = new FaceTemplate(Integer(match.Groups[1].Value));
                    bool isOne = match.Groups[2].Success;
                    (int first, int count) = isOne ? (Sequence(Integer(match.Groups[2].Value)), 1) : (0, (int)_shape[0]);
                    Close(name, AlignAll(template, true, first, count).Matrices, Read(name), atol, rtol);
                }
            }
        }

        private void CompareCrops(VideoFrame picture)
        {
            foreach (JsonProperty entry in Entries("warps"))
            {
                string key = entry.Name;
                AlignedFace face = FaceWarper.Crop(picture, MatrixOf(entry), _template);
                Pictures("crop_half." + key, face.Crop, 2);
                Pictures("crop_sub." + key, face.Crop, 4);
                Pictures(string.Create(CultureInfo.InvariantCulture, $"crop{_template.Resolution}_sub.{key}"), face.Square, 4);
                Statistics(key, entry.Value, "crop_mean_per_channel", face.Crop.Rgb, false);
                Statistics(key, entry.Value, "crop_std_per_channel", face.Crop.Rgb, true);
                string square = string.Create(CultureInfo.InvariantCulture, $"crop{_template.Resolution}_mean_per_channel");
                Statistics(key, entry.Value, square, face.Square.Rgb, false);
            }
        }

        private void ComparePastes(VideoFrame picture)
        {
            string? faceName = _archive.Tensors.Keys.Order(StringComparer.Ordinal).FirstOrDefault(key => FaceName().IsMatch(key));
            if (faceName is null)
            {
                return;
            }
            bool first = true;
            foreach (JsonProperty entry in Entries("restores"))
            {
                string key = entry.Name;
                OriginalRestoration paste = OriginalCompositor.RestoreInSteps(picture, RepeatedFace(faceName), MatrixOf(entry), _template);
                if (first && Has("restore.resized_face_sub"))
                {
                    Floats("restore.resized_face_sub", paste.ResizedFace, 3, _template.CropHeight, _template.CropWidth, ResizeTolerance);
                    first = false;
                }
                double mask = Tolerance("soft_mask", "atol", 0.002);
                Floats($"restore.{key}.eroded_mask_sub", paste.ErodedMask, 1, picture.Height, picture.Width, mask);
                Floats($"restore.{key}.soft_mask_sub", paste.SoftMask, 1, picture.Height, picture.Width, mask);
                Pictures($"restore.{key}.output_sub", new FaceImage(picture.Width, picture.Height, paste.Output.Rgb), 2);
                Statistics(key, entry.Value, "output_mean_per_channel", paste.Output.Rgb, false);
                Statistics(key, entry.Value, "output_std_per_channel", paste.Output.Rgb, true);
                if (entry.Value.TryGetProperty("erosion_kernel_of_second_step", out JsonElement kernel))
                {
                    Close($"restore.{key}.erosion_kernel", [2 * paste.EdgeWidth], [kernel.GetDouble()], 0, 0);
                }
                if (entry.Value.TryGetProperty("face_area", out JsonElement area))
                {
                    Close($"restore.{key}.face_area", [paste.FaceArea], [area.GetDouble()], 1, 1e-4);
                }
            }
        }

        private IEnumerable<JsonProperty> Entries(string name) =>
            _manifest.TryGetProperty(name, out JsonElement entries) && entries.ValueKind == JsonValueKind.Object
                ? entries.EnumerateObject()
                : [];

        // Sequence and frame as entries of their own; else as in the warp of the same key; else as the key says, "s3f4".
        private AffineMatrix MatrixOf(JsonProperty entry)
        {
            JsonElement place = entry.Value;
            if (!place.TryGetProperty("sequence", out _))
            {
                JsonProperty warp = Entries("warps").FirstOrDefault(w => w.Name == entry.Name);
                place = warp.Value.ValueKind == JsonValueKind.Object ? warp.Value : place;
            }
            Match key = PlaceInKey().Match(entry.Name);
            int sequence = Part("sequence", 1),
                frame = Part("frame", 2);
            List<AffineMatrix> matrices = Matrices(Sequence(sequence));
            return frame < matrices.Count
                ? matrices[frame]
                : throw new ParityException($"\"{entry.Name}\" is of frame {frame}; the fixture's landmarks have {matrices.Count} frames.");

            int Part(string name, int group) =>
                place.TryGetProperty(name, out JsonElement value) ? value.GetInt32()
                : key.Success ? Integer(key.Groups[group].Value)
                : throw new ParityException(
                    $"\"{entry.Name}\" does not say its {name}; an entry \"{name}\" or a key such as s3f4 is required."
                );
        }

        private int Sequence(int index) =>
            index >= 0 && index < _shape[0]
                ? index
                : throw new ParityException($"The fixture refers to sequence {index}; its landmarks have {_shape[0]} sequences.");

        private bool Has(string name) => _archive.Tensors.ContainsKey(name);

        private List<AffineMatrix> Matrices(int sequence)
        {
            var aligner = new FaceAligner(_template);
            return [.. Points(sequence).Select(aligner.Align)];
        }

        private (double[] Matrices, double[] Bias) AlignAll(FaceTemplate template, bool smoothing, int firstSequence, int count)
        {
            var matrices = new List<double>();
            var bias = new List<double>();
            for (int sequence = firstSequence; sequence < firstSequence + count; sequence++)
            {
                var aligner = new FaceAligner(template, smoothing);
                foreach (AlignmentPoints points in Points(sequence))
                {
                    AffineMatrix m = aligner.Align(points);
                    matrices.AddRange([m.A, m.B, m.C, m.D, m.E, m.F]);
                    FacePoint state = aligner.Bias ?? default;
                    bias.AddRange([state.X, state.Y]);
                }
            }
            return ([.. matrices], [.. bias]);
        }

        private IEnumerable<AlignmentPoints> Points(int sequence)
        {
            for (int frame = 0; frame < _shape[1]; frame++)
            {
                int at = 6 * ((sequence * (int)_shape[1]) + frame);
                yield return new AlignmentPoints(
                    new(_landmarks[at], _landmarks[at + 1]),
                    new(_landmarks[at + 2], _landmarks[at + 3]),
                    new(_landmarks[at + 4], _landmarks[at + 5])
                );
            }
        }

        /// <summary>The small face of the fixture, each pixel repeated to fill the square, in [-1, 1].</summary>
        private float[] RepeatedFace(string name)
        {
            double[] small = Read(name);
            int smallSide = (int)_archive.Tensors[name].Shape[^1],
                side = _template.Resolution,
                factor = side / smallSide;
            if (small.Length != 3 * smallSide * smallSide || side % smallSide != 0)
            {
                throw new ParityException(
                    $"The fixture's {name} has {small.Length} values; (3, n, n) with n a divisor of {side} is required."
                );
            }
            float[] face = new float[3 * side * side];
            for (int i = 0; i < face.Length; i++)
            {
                int channel = i / (side * side),
                    y = i / side % side / factor,
                    x = i % side / factor;
                face[i] = (float)small[(((channel * smallSide) + y) * smallSide) + x] / 127.5f - 1;
            }
            return face;
        }

        private void Pictures(string name, FaceImage picture, int stride)
        {
            if (!Has(name))
            {
                return;
            }
            double[] expected = Read(name);
            double[] actual = [.. Subsampled(Array.ConvertAll(picture.Rgb, v => (double)v), picture.Height, picture.Width, 3, stride)];
            if (!SameLength(name, actual, expected))
            {
                return;
            }
            double sum = 0,
                worst = 0;
            int beyond = 0;
            for (int i = 0; i < actual.Length; i++)
            {
                double difference = Math.Abs(actual[i] - expected[i]);
                sum += difference;
                worst = Math.Max(worst, difference);
                beyond += difference > _pictures.Levels ? 1 : 0;
            }
            double mean = sum / actual.Length,
                share = 1 - ((double)beyond / actual.Length);
            string detail = string.Create(
                CultureInfo.InvariantCulture,
                $"mean difference {mean:0.####} (<= {_pictures.Mean}), {share:P2} within {_pictures.Levels} level (>= {_pictures.Share:P1}), largest {worst}"
            );
            _results.Add(new ParityComparison(name, mean <= _pictures.Mean && share >= _pictures.Share, worst, detail));
        }

        private void Floats(string name, float[] values, int planes, int height, int width, double tolerance)
        {
            if (!Has(name))
            {
                return;
            }
            var actual = new List<double>();
            for (int plane = 0; plane < planes; plane++)
            {
                double[] one = Array.ConvertAll(values[(plane * height * width)..((plane + 1) * height * width)], v => (double)v);
                actual.AddRange(Subsampled(one, height, width, 1, 4));
            }
            Close(name, [.. actual], Read(name), tolerance, 0);
        }

        private void Statistics(string key, JsonElement entry, string name, byte[] rgb, bool deviation)
        {
            if (!entry.TryGetProperty(name, out JsonElement expected))
            {
                return;
            }
            double[] actual = new double[3];
            for (int c = 0; c < 3; c++)
            {
                double sum = 0,
                    squares = 0;
                for (int i = c; i < rgb.Length; i += 3)
                {
                    sum += rgb[i];
                    squares += rgb[i] * (double)rgb[i];
                }
                double count = rgb.Length / 3.0,
                    mean = sum / count;
                actual[c] = deviation ? Math.Sqrt(Math.Max(0, (squares / count) - (mean * mean))) : mean;
            }
            Close(
                $"{key}.{name}",
                actual,
                [.. expected.EnumerateArray().Select(e => e.GetDouble())],
                Tolerance("means_and_stds", "atol", 0.1),
                0
            );
        }

        private void Close(string name, double[] actual, double[] expected, double atol, double rtol)
        {
            if (!SameLength(name, actual, expected))
            {
                return;
            }
            int worst = 0,
                beyond = 0;
            double largest = 0;
            for (int i = 0; i < actual.Length; i++)
            {
                double difference = Math.Abs(actual[i] - expected[i]);
                beyond += difference <= atol + (rtol * Math.Abs(expected[i])) ? 0 : 1; // counts NaN as beyond
                if (!(difference <= largest))
                {
                    largest = difference;
                    worst = i;
                }
            }
            string detail =
                beyond == 0
                    ? string.Create(CultureInfo.InvariantCulture, $"atol {atol:g3}, rtol {rtol:g3}")
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"{beyond} of {actual.Length} differ; worst at {worst}: expected {expected[worst]:g9}, got {actual[worst]:g9}; atol {atol:g3}, rtol {rtol:g3}"
                    );
            _results.Add(new ParityComparison(name, beyond == 0, largest, detail));
        }

        private bool SameLength(string name, double[] actual, double[] expected)
        {
            if (actual.Length != expected.Length)
            {
                string detail = string.Create(
                    CultureInfo.InvariantCulture,
                    $"the fixture has {expected.Length} values, this project computes {actual.Length}"
                );
                _results.Add(new ParityComparison(name, false, double.NaN, detail));
            }
            return actual.Length == expected.Length;
        }

        private double Tolerance(string name, string kind, double otherwise) =>
            _manifest.TryGetProperty("tolerances", out JsonElement all)
            && all.TryGetProperty(name, out JsonElement entry)
            && entry.ValueKind == JsonValueKind.Object
            && entry.TryGetProperty(kind, out JsonElement value)
                ? value.GetDouble()
                : otherwise;

        private double[] Read(string name)
        {
            TensorInfo info = _archive.Tensors[name];
            int count = checked((int)info.ElementCount);
            switch (info.ElementType)
            {
                case TensorElementType.Float64:
                    double[] doubles = new double[count];
                    _archive.CopyTo(name, info.ElementType, MemoryMarshal.AsBytes(doubles.AsSpan()));
                    return doubles;
                case TensorElementType.Float32:
                    float[] floats = new float[count];
                    _archive.CopyTo(name, info.ElementType, MemoryMarshal.AsBytes(floats.AsSpan()));
                    return Array.ConvertAll(floats, v => (double)v);
                case TensorElementType.Int64:
                    long[] longs = new long[count];
                    _archive.CopyTo(name, info.ElementType, MemoryMarshal.AsBytes(longs.AsSpan()));
                    return Array.ConvertAll(longs, v => (double)v);
                case TensorElementType.UInt8:
                    byte[] bytes = new byte[count];
                    _archive.CopyTo(name, info.ElementType, bytes);
                    return Array.ConvertAll(bytes, v => (double)v);
                default:
                    throw new InvalidDataException(
                        $"The fixture's tensor {name} has type {info.ElementType}; float64, float32, int64 or uint8 is required."
                    );
            }
        }

        private static IEnumerable<double> Subsampled(double[] values, int height, int width, int channels, int stride)
        {
            for (int y = 0; y < height; y += stride)
            {
                for (int x = 0; x < width; x += stride)
                {
                    for (int c = 0; c < channels; c++)
                    {
                        yield return values[(((y * width) + x) * channels) + c];
                    }
                }
            }
        }

        private static double[] Flatten(AlignmentPoints p) =>
            [p.LeftBrow.X, p.LeftBrow.Y, p.RightBrow.X, p.RightBrow.Y, p.Nose.X, p.Nose.Y];

        private static int Integer(string digits) => int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
