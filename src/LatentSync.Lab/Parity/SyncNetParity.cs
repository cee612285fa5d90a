using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Checkpoints;
using LatentSync.Media.Audio;
using LatentSync.Models.SyncNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Parity;

/// <summary>StableSyncNet: its mel spectrogram, filters and window rule, both embeddings and their cosine, and the inner modules that were
/// recorded.</summary>
public sealed class SyncNetParity : IParityFixture
{
    private const string SpectrogramPrefix = "mel.";

    // Filter rows that the fixture records, where they are all present.
    private static readonly int[] RecordedRows = [0, 1, 2, 20, 40, 60, 78, 79];

    /// <inheritdoc/>
    public bool Recognises(ParityManifest manifest) => manifest.Component.Contains("StableSyncNet", StringComparison.Ordinal);

    /// <inheritdoc/>
    public IEnumerable<ParityComparison> Run(ParityManifest manifest)
    {
        TorchRuntime.EnsureLoaded();
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using TensorArchive io = manifest.OpenArchive("io.safetensors");
        List<ParityComparison> comparisons = [];
        CompareFilters(manifest, io, comparisons);
        CompareSpectrograms(manifest, io, comparisons);
        CompareWindows(manifest, comparisons);
        CompareNetwork(manifest, io, comparisons);
        return comparisons;
    }

    private static void CompareFilters(ParityManifest manifest, TensorArchive io, List<ParityComparison> comparisons)
    {
        const string Name = SpectrogramPrefix + "basis_rows";
        if (!io.Tensors.ContainsKey(Name))
        {
            return;
        }
        MelFilterBank filters = new(SyncNetMelSpectrogram.SampleRate, SyncNetMelSpectrogram.WindowLength, SyncNetMel.Bands, 55, 7600);
        float[] rows = new float[RecordedRows.Length * filters.Bins];
        for (int i = 0; i < RecordedRows.Length; i++)
        {
            filters.Weights(RecordedRows[i]).CopyTo(rows.AsSpan((i * filters.Bins) + filters.FirstBin(RecordedRows[i])));
        }
        (double atol, double rtol) = manifest.Tolerance(Name) ?? (1e-7, 0);
        comparisons.Add(
            ParityComparer.Compare(Name, tensor(rows, [RecordedRows.Length, filters.Bins]), ParityTensors.Read(io, Name), atol, rtol)
        );
    }

    private static void CompareSpectrograms(ParityManifest manifest, TensorArchive io, List<ParityComparison> comparisons)
    {
        (double atol, double rtol) = manifest.Tolerance("mel") ?? (1e-3, 0);
        foreach (JsonProperty clip in manifest.Require("mel_spectrograms").EnumerateObject())
        {
            SyncNetMel mel = SyncNetMelSpectrogram.Compute(ParityWave.Read(WhisperParity.FindSound(manifest, clip)));
            string name = SpectrogramPrefix + clip.Name;
            Tensor actual = tensor(mel.Values, [SyncNetMel.Bands, mel.Columns]);
            comparisons.Add(ParityComparer.Compare(name, actual, ParityTensors.Read(io, name), atol, rtol));
        }
    }

    private static void CompareWindows(ParityManifest manifest, List<ParityComparison> comparisons)
    {
        if (
            manifest.Root.TryGetProperty("window_rule", out JsonElement rule)
            && rule.TryGetProperty("example_fps_25", out JsonElement examples)
        )
        {
            JsonProperty[] entries = [.. examples.EnumerateObject()];
            long[] actual =
            [
                .. entries.Select(e => (long)SyncNetMel.StartColumn(long.Parse(e.Name, NumberStyles.None, CultureInfo.InvariantCulture))),
            ];
            comparisons.Add(
                ParityComparer.CompareExact("window_rule.example_fps_25", actual, [.. entries.Select(e => e.Value.GetInt64())])
            );
        }
    }

    private static void CompareNetwork(ParityManifest manifest, TensorArchive io, List<ParityComparison> comparisons)
    {
        Tensor visual = ParityTensors.Read(io, "visual"); // (b, frames·3, h, w)
        Tensor audio = ParityTensors.Read(io, "audio"); // (b, 1, 80, columns)
        SyncNetConfiguration configuration = SyncNetConfiguration.FromJson(manifest.Require("config")).FitTo(visual.shape, audio.shape);
        using StableSyncNet network = StableSyncNet.Create(configuration, ScalarType.Float32, CPU);
        using (TensorArchive weights = manifest.OpenArchive("weights.safetensors"))
        {
            SyncNetCheckpoint.Load(network, weights);
        }
        network.eval();
        using ParityRecorder recorder = ParityRecorder.Attach(network, manifest, "intermediates.safetensors");
        (double atol, double rtol) = manifest.Tolerance("embeds_float32") ?? (5e-5, 1e-3);
        (Tensor visualEmbeddings, Tensor audioEmbeddings) = network.Embed(visual, audio);
        comparisons.AddRange(recorder.Compare(atol, rtol));
        Compare("vision_embeds", visualEmbeddings);
        Compare("audio_embeds", audioEmbeddings);
        Compare("cosine_similarity", StableSyncNet.Similarity(visualEmbeddings, audioEmbeddings));

        void Compare(string name, Tensor actual) =>
            comparisons.Add(ParityComparer.Compare(name, actual, ParityTensors.Read(io, name), atol, rtol));
    }
}
