using System.Text.Json;
using LatentSync.Checkpoints;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Shots;
using static TorchSharp.torch;

namespace LatentSync.Lab.Parity;

/// <summary>Shot detection: scores, ratios and cuts of the manifest's clips, which are drawn by its formula.</summary>
public sealed class SceneCutsParity : IParityFixture
{
    private const int ScaledRows = 8;

    /// <inheritdoc/>
    public bool Recognises(ParityManifest manifest) =>
        manifest.Fixture == "scene_cuts" || manifest.Component.StartsWith("PySceneDetect", StringComparison.Ordinal);

    /// <inheritdoc/>
    public IEnumerable<ParityComparison> Run(ParityManifest manifest)
    {
        using TensorArchive io = manifest.OpenArchive("io.safetensors");
        double tolerance =
            manifest.Root.TryGetProperty("tolerances", out JsonElement all) && all.TryGetProperty("scores", out JsonElement scores)
                ? scores.GetDouble()
                : 1e-9;
        List<ParityComparison> results = [];
        foreach (JsonElement clip in manifest.Require("frames", "clips").EnumerateArray())
        {
            results.AddRange(OfClip(new FormulaClip(clip), io, tolerance));
        }
        if (io.Tensors.ContainsKey("hsv.bgr"))
        {
            byte[] colours = Swapped([.. ParityTensors.ReadIntegers(io, "hsv.bgr").Select(v => (byte)v)]);
            long[] expected = ParityTensors.ReadIntegers(io, "hsv.hsv");
            results.Add(ParityComparer.CompareExact("hsv.hsv", [.. ShotScore.Hsv(colours).Select(v => (long)v)], expected));
        }
        return results;
    }

    private static IEnumerable<ParityComparison> OfClip(FormulaClip clip, TensorArchive io, double tolerance)
    {
        ShotScore score = new();
        ShotScan adaptive2 = new(new ShotCutOptions()),
            adaptive3 = new(new ShotCutOptions { Threshold = 3 });
        double[] scores = new double[clip.Frames];
        for (int t = 0; t < clip.Frames; t++)
        {
            VideoFrame frame = clip.Draw(t);
            if (t == 0 && io.Tensors.ContainsKey($"{clip.Name}.scaled_frame0"))
            {
                byte[] scaled = Swapped(ShotScore.Scaled(frame, out int width, out _));
                long[] rows = [.. scaled.Take(3 * width * ScaledRows).Select(v => (long)v)];
                yield return ParityComparer.CompareExact(
                    $"{clip.Name}.scaled_frame0",
                    rows,
                    ParityTensors.ReadIntegers(io, $"{clip.Name}.scaled_frame0")
                );
            }
            scores[t] = score.Next(frame);
            adaptive2.Add(scores[t]);
            adaptive3.Add(scores[t]);
        }
        if (io.Tensors.ContainsKey($"{clip.Name}.content_val"))
        {
            // The library stores no score of the first frame.
            using Tensor expected = ParityTensors.Read(io, $"{clip.Name}.content_val");
            using Tensor actual = tensor(scores);
            yield return ParityComparer.Compare($"{clip.Name}.content_val", actual[1..], expected[1..], tolerance, 0);
        }
        foreach ((string name, ShotScan scan) in new[] { ("cuts_adaptive2", adaptive2), ("cuts_adaptive3", adaptive3) })
        {
            if (io.Tensors.ContainsKey($"{clip.Name}.{name}"))
            {
                yield return ParityComparer.CompareExact(
                    $"{clip.Name}.{name}",
                    scan.Cuts,
                    ParityTensors.ReadIntegers(io, $"{clip.Name}.{name}")
                );
            }
        }
    }

    /// <summary>Red and blue change places.</summary>
    private static byte[] Swapped(byte[] pixels)
    {
        byte[] swapped = new byte[pixels.Length];
        for (int i = 0; i < pixels.Length; i += 3)
        {
            (swapped[i], swapped[i + 1], swapped[i + 2]) = (pixels[i + 2], pixels[i + 1], pixels[i]);
        }
        return swapped;
    }

    private sealed class ShotScan(ShotCutOptions options)
    {
        private readonly ShotCutDetector _detector = new(options);

        public List<long> Cuts { get; } = [];

        public void Add(double score)
        {
            if (_detector.PushScore(score) is { } cut)
            {
                Cuts.Add(cut);
            }
        }
    }

    /// <summary>A clip of integers: v = base + ((tri(ax·x + ay·y + at·t + s) · amp) >> 8) + step·k + flash(t), clamped to 0..255.</summary>
    private sealed class FormulaClip
    {
        private const int MaximumSide = 4096;
        private const int MaximumFrames = 10_000;

        private readonly JsonElement[] _segments;

        public FormulaClip(JsonElement clip)
        {
            Name = clip.GetProperty("name").GetString()!;
            Width = Bounded(clip, "width", MaximumSide);
            Height = Bounded(clip, "height", MaximumSide);
            Frames = Bounded(clip, "frames", MaximumFrames);
            _segments = [.. clip.GetProperty("segments").EnumerateArray()];
        }

        public string Name { get; }

        public int Frames { get; }

        private int Width { get; }

        private int Height { get; }

        public VideoFrame Draw(int t)
        {
            JsonElement segment = _segments.Last(candidate => candidate.GetProperty("first").GetInt32() <= t);
            int offset = segment.TryGetProperty("step", out JsonElement step)
                ? step.GetInt32() * (t - segment.GetProperty("first").GetInt32())
                : 0;
            if (segment.TryGetProperty("flash", out JsonElement flash))
            {
                offset += flash.EnumerateArray().Where(entry => entry[0].GetInt32() == t).Sum(entry => entry[1].GetInt32());
            }
            int[][] channels =
            [
                .. segment.GetProperty("channels").EnumerateArray().Select(c => c.EnumerateArray().Select(v => v.GetInt32()).ToArray()),
            ];
            byte[] rgb = new byte[3 * Width * Height];
            for (int y = 0; y < Height; y++)
            {
                for (int x = 0; x < Width; x++)
                {
                    for (int c = 0; c < 3; c++)
                    {
                        int[] k = channels[c]; // blue, green, red
                        int turn = ((k[0] * x) + (k[1] * y) + (k[2] * t) + k[3]) & 511;
                        int value = k[5] + (((turn < 256 ? turn : 511 - turn) * k[4]) >> 8) + offset;
                        rgb[(3 * ((y * Width) + x)) + 2 - c] = (byte)Math.Clamp(value, 0, 255);
                    }
                }
            }
            return new VideoFrame(Width, Height, rgb, t);
        }

        private static int Bounded(JsonElement clip, string name, int most)
        {
            int value = clip.GetProperty(name).GetInt32();
            return value >= 1 && value <= most
                ? value
                : throw new ParityException($"A clip's \"{name}\" is {value}; 1 to {most} is required.");
        }
    }
}
