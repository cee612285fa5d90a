using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Checkpoints;
using LatentSync.Media.Audio;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Parity;

/// <summary>The audio front end: log-mel spectrogram, encoder states, feature rows, chunks and index lists at every frame rate.</summary>
public sealed partial class WhisperParity : IParityFixture
{
    /// <inheritdoc/>
    public bool Recognises(ParityManifest manifest) => manifest.Component.Contains("AudioEncoder", StringComparison.Ordinal);

    /// <inheritdoc/>
    public IEnumerable<ParityComparison> Run(ParityManifest manifest)
    {
        TorchRuntime.EnsureLoaded();
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        WhisperConfiguration configuration = WhisperConfiguration.FromJson(manifest.Require("config"));
        if (configuration.MelBands != LogMel.Bands)
        {
            throw new ParityException(
                $"{manifest.File(ParityManifest.FileName)} has n_mels {configuration.MelBands}; the original computes spectrograms of {LogMel.Bands} bands only."
            );
        }
        using WhisperEncoder encoder = WhisperEncoder.Create(configuration, ScalarType.Float32, CPU);
        using (TensorArchive weights = manifest.OpenArchive("weights.safetensors"))
        {
            const string Prefix = "encoder.";
            bool hasPrefix = weights.Tensors.Keys.Any(key => key.StartsWith(Prefix, StringComparison.Ordinal));
            StateDictLoader.Load(encoder, weights, hasPrefix ? Prefix : string.Empty);
        }
        using TensorArchive io = manifest.OpenArchive("io.safetensors");
        List<ParityComparison> comparisons = [];
        foreach (JsonProperty clip in manifest.Require("clips").EnumerateObject())
        {
            new Clip(manifest, io, encoder, clip, comparisons).Compare();
        }
        return comparisons;
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Digits();

    [GeneratedRegex(@"^chunks_(first|last)(\d{1,4})$")]
    private static partial Regex ChunksName();

    [GeneratedRegex(@"^segment(\d{1,4})_(?:embeddings_rows|ln_post_rows)$")]
    private static partial Regex SegmentName();

    /// <summary>The sound of a clip: the file that its "wav", "path" or "file" names, or that has the clip's name, here or in
    /// ../audio.</summary>
    internal static string FindSound(ParityManifest manifest, JsonProperty clip)
    {
        string? given = new[] { "wav", "path", "file" }
            .Select(key =>
                clip.Value.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null
            )
            .FirstOrDefault(text => !string.IsNullOrEmpty(text));
        string name = given ?? $"{clip.Name}.wav";
        string[] places = [name, Path.GetFileName(name), $"../audio/{Path.GetFileName(name)}"];
        return places.Select(manifest.File).FirstOrDefault(File.Exists) ?? manifest.File(name);
    }

    /// <summary>One sound clip of the fixture.</summary>
    private sealed class Clip(
        ParityManifest manifest,
        TensorArchive io,
        WhisperEncoder encoder,
        JsonProperty clip,
        List<ParityComparison> comparisons
    )
    {
        private readonly (double Atol, double Rtol) _tolerance = manifest.Tolerance("embeddings_and_features_float32") ?? (2e-4, 1e-4);

        public void Compare()
        {
            float[] samples = ParityWave.Read(FindSound(manifest, clip));
            LogMel logMel = LogMelSpectrogram.Compute(samples);
            (double melAtol, double melRtol) = manifest.Tolerance("log_mel") ?? (2e-4, 0);
            using DisposeScope scope = NewDisposeScope();
            Tensor mel = tensor(logMel.Values, [LogMel.Bands, logMel.Frames]);
            Compare("log_mel", mel, melAtol, melRtol);
            int[] segments =
            [
                .. Recorded(string.Empty)
                    .Select(name => SegmentName().Match(name))
                    .Where(m => m.Success)
                    .Select(m => Integer(m.Groups[1].Value))
                    .Distinct(),
            ];
            foreach (int segment in segments)
            {
                CompareSegment(mel, segment);
            }

            using AudioFeatures features = new(encoder, logMel.Values, logMel.Frames, AudioWindowing.Isolated);
            CompareFeatures(features);
            if (clip.Value.TryGetProperty("chunks", out JsonElement rates))
            {
                foreach (JsonProperty rate in rates.EnumerateObject())
                {
                    CompareChunks(features, rate);
                }
            }
        }

        private void CompareSegment(Tensor mel, int segment)
        {
            string prefix = $"segment{segment}_";
            long start = (long)segment * encoder.Configuration.SegmentFrames;
            if (start >= mel.shape[1])
            {
                throw new ParityException($"{Name(prefix)}* is recorded, but the clip has only {mel.shape[1]} mel frames.");
            }
            Tensor states = encoder.CollectStates(
                mel.narrow(1, start, Math.Min(mel.shape[1] - start, encoder.Configuration.SegmentFrames))
            );
            string indices = $"{prefix}row_indices";
            if (Has($"{prefix}embeddings_rows"))
            {
                Tensor rows = Has(indices)
                    ? ParityTensors.Read(io, Name(indices)).to(ScalarType.Int64)
                    : TensorArithmetic.Range(0, states.shape[0], ScalarType.Int64);
                Compare($"{prefix}embeddings_rows", states.index_select(0, rows));
            }
            string normed = $"{prefix}ln_post_rows";
            if (Has(normed))
            {
                Tensor last = states.select(1, states.shape[1] - 1).index_select(0, tensor(RowsInWords(normed)));
                Compare(normed, encoder.ApplyFinalNorm(last));
            }
        }

        // Which rows they are stands only in the manifest's prose: "... for rows 0, 70, 149, 1499".
        private long[] RowsInWords(string what)
        {
            JsonElement texts = manifest.Require("tensors");
            string key = new[] { Name(what), $"<clip>.{what}" }.FirstOrDefault(k => texts.TryGetProperty(k, out _)) ?? $"<clip>.{what}";
            string prose = manifest.Require("tensors", key).GetString() ?? string.Empty;
            string list = prose[Math.Max(0, prose.LastIndexOf("rows", StringComparison.Ordinal))..];
            return [.. Digits().Matches(list).Select(m => long.Parse(m.Value, CultureInfo.InvariantCulture))];
        }

        private void CompareFeatures(AudioFeatures features)
        {
            using Tensor all = features.Rows(0, features.RowCount);
            if (clip.Value.TryGetProperty("features_shape", out JsonElement shape))
            {
                long[] expected = [.. shape.EnumerateArray().Select(s => s.GetInt64())];
                comparisons.Add(ParityComparer.CompareExact(Name("features_shape"), all.shape, expected));
            }
            if (Has("features_row_indices"))
            {
                using Tensor rows = ParityTensors.Read(io, Name("features_row_indices")).to(ScalarType.Int64);
                using Tensor selected = all.index_select(0, rows);
                Compare("features", selected);
            }
            else
            {
                Compare("features", all);
            }
        }

        private void CompareChunks(AudioFeatures features, JsonProperty rate)
        {
            int[] reach = manifest.Require("config").TryGetProperty("audio_feat_length", out JsonElement given)
                ? [.. given.EnumerateArray().Select(e => e.GetInt32())]
                : [2, 2];
            AudioFrameClock clock = new(double.Parse(rate.Name, CultureInfo.InvariantCulture), reach[0], reach[1]);
            string fps = $"fps{rate.Name}";
            int count = clock.OriginalFrameCount(features.RowCount);
            if (rate.Value.TryGetProperty("count", out JsonElement expectedCount))
            {
                comparisons.Add(ParityComparer.CompareExact(Name($"{fps}.count"), [count], [expectedCount.GetInt64()]));
            }
            JsonProperty[] frames = rate.Value.TryGetProperty("indices", out JsonElement lists) ? [.. lists.EnumerateObject()] : [];
            foreach (JsonProperty frame in frames)
            {
                int index = int.Parse(frame.Name, CultureInfo.InvariantCulture);
                long[] actual = [.. clock.RowIndices(index, features.RowCount).Select(i => (long)i)];
                long[] expected = [.. frame.Value.EnumerateArray().Select(i => i.GetInt64())];
                comparisons.Add(ParityComparer.CompareExact(Name($"{fps}.indices[{index}]"), actual, expected));
            }
            if (rate.Value.TryGetProperty("shape_of_each", out JsonElement shape))
            {
                using Tensor tokens = features.FrameTokens(0, clock);
                comparisons.Add(
                    ParityComparer.CompareExact(
                        Name($"{fps}.shape_of_each"),
                        tokens.shape,
                        [.. shape.EnumerateArray().Select(s => s.GetInt64())]
                    )
                );
            }
            foreach (string what in Recorded($"{fps}."))
            {
                if (
                    ChunksName().Match(what) is { Success: true } match
                    && Integer(match.Groups[2].Value) is var few and > 0
                    && few <= count
                )
                {
                    using Tensor tokens = features.FrameTokens(match.Groups[1].Value == "first" ? 0 : count - few, few, clock);
                    Compare($"{fps}.{what}", tokens);
                }
            }
        }

        private void Compare(string what, Tensor actual) => Compare(what, actual, _tolerance.Atol, _tolerance.Rtol);

        private void Compare(string what, Tensor actual, double atol, double rtol)
        {
            if (Has(what))
            {
                using Tensor expected = ParityTensors.Read(io, Name(what));
                comparisons.Add(ParityComparer.Compare(Name(what), actual, expected, atol, rtol));
            }
        }

        private bool Has(string what) => io.Tensors.ContainsKey(Name(what));

        private string Name(string what) => $"{clip.Name}.{what}";

        // What is recorded of this clip, without the prefix.
        private string[] Recorded(string prefix)
        {
            string start = Name(prefix);
            return
            [
                .. io
                    .Tensors.Keys.Where(k => k.StartsWith(start, StringComparison.Ordinal))
                    .Order(StringComparer.Ordinal)
                    .Select(k => k[start.Length..]),
            ];
        }

        private static int Integer(string digits) => int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
