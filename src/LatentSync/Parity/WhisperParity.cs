using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using LatentSync.Attention.Torch;
using LatentSync.Checkpoints;
using LatentSync.Media.Audio;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Parity;

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
        using WhisperEncoder encoder = WhisperEncoder.Create(WhisperConfiguration.FromJson(manifest.Require("config")), ScalarType.Float32, CPU);
        using (TensorArchive weights = manifest.OpenArchive("weights.safetensors"))
        {
            StateDictLoader.Load(encoder, weights, "encoder.");
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

    /// <summary>One sound clip of the fixture.</summary>
    private sealed class Clip(ParityManifest manifest, TensorArchive io, WhisperEncoder encoder, JsonProperty clip, List<ParityComparison> comparisons)
    {
        private readonly (double Atol, double Rtol) _tolerance = manifest.Tolerance("embeddings_and_features_float32") ?? (2e-4, 1e-4);

        public void Compare()
        {
            float[] samples = ParityWave.Read(manifest.File(Entry("wav").GetString() ?? string.Empty));
            LogMel logMel = LogMelSpectrogram.Compute(samples);
            (double melAtol, double melRtol) = manifest.Tolerance("log_mel") ?? (2e-4, 0);
            using DisposeScope scope = NewDisposeScope();
            Tensor mel = tensor(logMel.Values, [LogMel.Bands, logMel.Frames]);
            Compare("log_mel", mel, melAtol, melRtol);
            CompareFirstSegment(mel);

            using AudioFeatures features = new(encoder, logMel.Values, logMel.Frames, AudioWindowing.Isolated);
            CompareFeatures(features);
            foreach (JsonProperty rate in Entry("chunks").EnumerateObject())
            {
                CompareChunks(features, rate);
            }
        }

        private void CompareFirstSegment(Tensor mel)
        {
            Tensor states = encoder.CollectStates(mel.narrow(1, 0, Math.Min(mel.shape[1], encoder.Configuration.SegmentFrames)));
            if (Has("segment0_row_indices"))
            {
                Tensor rows = ParityTensors.Read(io, Name("segment0_row_indices")).to(ScalarType.Int64);
                Compare("segment0_embeddings_rows", states.index_select(0, rows));
            }
            if (Has("segment0_ln_post_rows"))
            {
                // Which rows they are stands only in the manifest's prose: "... for rows 0, 70, 149, 1499".
                string prose = manifest.Require("tensors", "<clip>.segment0_ln_post_rows").GetString() ?? string.Empty;
                string list = prose[Math.Max(0, prose.LastIndexOf("rows", StringComparison.Ordinal))..];
                long[] rows = [.. Digits().Matches(list).Select(m => long.Parse(m.Value, CultureInfo.InvariantCulture))];
                Tensor last = states.select(1, states.shape[1] - 1).index_select(0, tensor(rows));
                Compare("segment0_ln_post_rows", encoder.ApplyFinalNorm(last));
            }
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
            int[] reach = [.. manifest.Require("config", "audio_feat_length").EnumerateArray().Select(e => e.GetInt32())];
            AudioFrameClock clock = new(double.Parse(rate.Name, CultureInfo.InvariantCulture), reach[0], reach[1]);
            string fps = $"fps{rate.Name}";
            int count = clock.OriginalFrameCount(features.RowCount);
            comparisons.Add(ParityComparer.CompareExact(Name($"{fps}.count"), [count], [rate.Value.GetProperty("count").GetInt64()]));
            foreach (JsonProperty frame in rate.Value.GetProperty("indices").EnumerateObject())
            {
                int index = int.Parse(frame.Name, CultureInfo.InvariantCulture);
                long[] actual = [.. clock.RowIndices(index, features.RowCount).Select(i => (long)i)];
                long[] expected = [.. frame.Value.EnumerateArray().Select(i => i.GetInt64())];
                comparisons.Add(ParityComparer.CompareExact(Name($"{fps}.indices[{index}]"), actual, expected));
            }
            if (rate.Value.TryGetProperty("shape_of_each", out JsonElement shape))
            {
                using Tensor tokens = features.FrameTokens(0, clock);
                comparisons.Add(ParityComparer.CompareExact(Name($"{fps}.shape_of_each"), tokens.shape, [.. shape.EnumerateArray().Select(s => s.GetInt64())]));
            }
            CompareTokens($"{fps}.chunks_first2", features, clock, first: 0);
            CompareTokens($"{fps}.chunks_last2", features, clock, first: count - 2);
        }

        private void CompareTokens(string what, AudioFeatures features, AudioFrameClock clock, int first)
        {
            if (Has(what))
            {
                using Tensor tokens = features.FrameTokens(first, 2, clock);
                Compare(what, tokens);
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

        private JsonElement Entry(string key) => manifest.Require("clips", clip.Name, key);
    }
}
