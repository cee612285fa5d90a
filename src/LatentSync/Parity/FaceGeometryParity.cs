using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using LatentSync.Checkpoints;
using LatentSync.Media.Faces;
using LatentSync.Media.Video;

namespace LatentSync.Parity;

/// <summary>Alignment matrices, smoothing state, warped crops and pasted pictures against the original's.</summary>
/// <remarks>Everything is recomputed from the landmarks and the picture: crops and pastes use the matrices computed here, not the stored ones.</remarks>
public sealed class FaceGeometryParity : IParityFixture
{
    // The manifest gives this tolerance in words: at most 1 grey level on 99.5 % of the values, mean difference at most 0.1.
    private const double PictureLevels = 1;
    private const double PictureShare = 0.995;
    private const double PictureMean = 0.1;

    // Not named in the manifest; 30 times the float32 rounding of a 16-tap sum of values near 1.
    private const double ResizeTolerance = 1e-4;

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
        private readonly VideoFrame _frame;
        private readonly List<ParityComparison> _results = [];
        private readonly long[] _shape;
        private readonly double[] _landmarks;

        public Computation(JsonElement manifest, SafetensorsArchive archive)
        {
            _manifest = manifest;
            _archive = archive;
            _template = new FaceTemplate(manifest.GetProperty("config").GetProperty("resolution").GetInt32());
            _shape = [.. archive.Tensors["landmarks"].Shape]; // (sequences, frames, 3, 2)
            _landmarks = Read("landmarks");
            long[] picture = [.. archive.Tensors["image"].Shape]; // (height, width, 3)
            _frame = new VideoFrame((int)picture[1], (int)picture[0], [.. Read("image").Select(v => (byte)v)], 0);
        }

        public IReadOnlyList<ParityComparison> Compare()
        {
            if (_archive.Tensors.ContainsKey("face_template"))
            {
                Close("face_template", Flatten(_template.Points), Read("face_template"), 1e-6, 0);
            }
            CompareMatrices();
            CompareCrops();
            ComparePastes();
            return _results;
        }

        private void CompareMatrices()
        {
            (double[] matrices, double[] bias) = AlignAll(_template, smoothing: true, 0, (int)_shape[0]);
            double atol = Tolerance("matrices", "atol", 0.002), rtol = Tolerance("matrices", "rtol", 0.0001);
            Close("matrices", matrices, Read("matrices"), atol, rtol);
            Close("bias", bias, Read("bias"), Tolerance("bias", "atol", 0.0001), 0);
            if (_archive.Tensors.ContainsKey("matrices_unsmoothed"))
            {
                Close("matrices_unsmoothed", AlignAll(_template, false, 0, (int)_shape[0]).Matrices, Read("matrices_unsmoothed"), atol, rtol);
            }
            const string other = "matrices_resolution";
            foreach (string name in _archive.Tensors.Keys.Where(key => key.StartsWith(other, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
            {
                string[] parts = name[other.Length..].Split("_sequence");
                var template = new FaceTemplate(int.Parse(parts[0], CultureInfo.InvariantCulture));
                int sequence = int.Parse(parts[1], CultureInfo.InvariantCulture);
                Close(name, AlignAll(template, true, sequence, 1).Matrices, Read(name), atol, rtol);
            }
        }

        private void CompareCrops()
        {
            foreach (JsonProperty entry in Entries("warps"))
            {
                string key = entry.Name;
                AlignedFace face = FaceWarper.Crop(_frame, MatrixOf(entry.Value), _template);
                Pictures("crop_half." + key, face.Crop, 2);
                Pictures("crop_sub." + key, face.Crop, 4);
                Pictures(string.Create(CultureInfo.InvariantCulture, $"crop{_template.Resolution}_sub.{key}"), face.Square, 4);
                Statistics(key, entry.Value, "crop_mean_per_channel", face.Crop.Rgb, false);
                Statistics(key, entry.Value, "crop_std_per_channel", face.Crop.Rgb, true);
                string square = string.Create(CultureInfo.InvariantCulture, $"crop{_template.Resolution}_mean_per_channel");
                Statistics(key, entry.Value, square, face.Square.Rgb, false);
            }
        }

        private void ComparePastes()
        {
            bool first = true;
            foreach (JsonProperty entry in Entries("restores"))
            {
                string key = entry.Name;
                int sequence = Digits(key, 's'), frame = Digits(key, 'f');
                AffineMatrix matrix = Matrices(sequence)[frame];
                OriginalRestoration paste = OriginalCompositor.RestoreInSteps(_frame, RepeatedFace(), matrix, _template);
                if (first && _archive.Tensors.ContainsKey("restore.resized_face_sub"))
                {
                    Floats("restore.resized_face_sub", paste.ResizedFace, 3, _template.CropHeight, _template.CropWidth, ResizeTolerance);
                    first = false;
                }
                double mask = Tolerance("soft_mask", "atol", 0.002);
                Floats($"restore.{key}.eroded_mask_sub", paste.ErodedMask, 1, _frame.Height, _frame.Width, mask);
                Floats($"restore.{key}.soft_mask_sub", paste.SoftMask, 1, _frame.Height, _frame.Width, mask);
                Pictures($"restore.{key}.output_sub", new FaceImage(_frame.Width, _frame.Height, paste.Output.Rgb), 2);
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
            _manifest.TryGetProperty(name, out JsonElement entries) ? entries.EnumerateObject() : [];

        private AffineMatrix MatrixOf(JsonElement entry) =>
            Matrices(entry.GetProperty("sequence").GetInt32())[entry.GetProperty("frame").GetInt32()];

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
                    new(_landmarks[at], _landmarks[at + 1]), new(_landmarks[at + 2], _landmarks[at + 3]), new(_landmarks[at + 4], _landmarks[at + 5]));
            }
        }

        /// <summary>The small face of the fixture, each pixel repeated to fill the square, in [-1, 1].</summary>
        private float[] RepeatedFace()
        {
            string name = _archive.Tensors.Keys.Single(key => key.StartsWith("restore.face", StringComparison.Ordinal));
            double[] small = Read(name);
            int smallSide = (int)_archive.Tensors[name].Shape[1], side = _template.Resolution, factor = side / smallSide;
            float[] face = new float[3 * side * side];
            for (int i = 0; i < face.Length; i++)
            {
                int channel = i / (side * side), y = i / side % side / factor, x = i % side / factor;
                face[i] = (float)small[(((channel * smallSide) + y) * smallSide) + x] / 127.5f - 1;
            }
            return face;
        }

        private void Pictures(string name, FaceImage picture, int stride)
        {
            if (!_archive.Tensors.ContainsKey(name))
            {
                return;
            }
            double[] expected = Read(name);
            double[] actual = [.. Subsampled(Array.ConvertAll(picture.Rgb, v => (double)v), picture.Height, picture.Width, 3, stride)];
            if (!SameLength(name, actual, expected))
            {
                return;
            }
            double sum = 0, worst = 0;
            int beyond = 0;
            for (int i = 0; i < actual.Length; i++)
            {
                double difference = Math.Abs(actual[i] - expected[i]);
                sum += difference;
                worst = Math.Max(worst, difference);
                beyond += difference > PictureLevels ? 1 : 0;
            }
            double mean = sum / actual.Length, share = 1 - ((double)beyond / actual.Length);
            string detail = string.Create(
                CultureInfo.InvariantCulture,
                $"mean difference {mean:0.####} (<= {PictureMean}), {share:P2} within {PictureLevels} level (>= {PictureShare:P1}), largest {worst}");
            _results.Add(new ParityComparison(name, mean <= PictureMean && share >= PictureShare, worst, detail));
        }

        private void Floats(string name, float[] values, int planes, int height, int width, double tolerance)
        {
            if (!_archive.Tensors.ContainsKey(name))
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
                double sum = 0, squares = 0;
                for (int i = c; i < rgb.Length; i += 3)
                {
                    sum += rgb[i];
                    squares += rgb[i] * (double)rgb[i];
                }
                double count = rgb.Length / 3.0, mean = sum / count;
                actual[c] = deviation ? Math.Sqrt(Math.Max(0, (squares / count) - (mean * mean))) : mean;
            }
            Close($"{key}.{name}", actual, [.. expected.EnumerateArray().Select(e => e.GetDouble())], Tolerance("means_and_stds", "atol", 0.1), 0);
        }

        private void Close(string name, double[] actual, double[] expected, double atol, double rtol)
        {
            if (!SameLength(name, actual, expected))
            {
                return;
            }
            int worst = 0, beyond = 0;
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
            string detail = beyond == 0
                ? string.Create(CultureInfo.InvariantCulture, $"atol {atol:g3}, rtol {rtol:g3}")
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{beyond} of {actual.Length} differ; worst at {worst}: expected {expected[worst]:g9}, got {actual[worst]:g9}; atol {atol:g3}, rtol {rtol:g3}");
            _results.Add(new ParityComparison(name, beyond == 0, largest, detail));
        }

        private bool SameLength(string name, double[] actual, double[] expected)
        {
            if (actual.Length != expected.Length)
            {
                string detail = string.Create(CultureInfo.InvariantCulture, $"the fixture has {expected.Length} values, this project computes {actual.Length}");
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
                    throw new InvalidDataException($"The fixture's tensor {name} has type {info.ElementType}; float64, float32, int64 or uint8 is required.");
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

        private static double[] Flatten(AlignmentPoints p) => [p.LeftBrow.X, p.LeftBrow.Y, p.RightBrow.X, p.RightBrow.Y, p.Nose.X, p.Nose.Y];

        /// <summary>The number after a letter: Digits("s3f4", 'f') is 4.</summary>
        private static int Digits(string key, char letter) =>
            int.Parse(string.Concat(key.AsSpan(key.IndexOf(letter, StringComparison.Ordinal) + 1).ToString().TakeWhile(char.IsAsciiDigit)), CultureInfo.InvariantCulture);
    }
}
