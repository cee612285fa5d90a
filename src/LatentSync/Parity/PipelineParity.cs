using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Torch;
using LatentSync.Checkpoints;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Schedulers;
using LatentSync.Models.UNets;
using LatentSync.Pipelines;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Parity;

/// <summary>The denoising part of the original's pipeline: every variant over all chunks, from aligned faces to pasted ones.</summary>
public sealed class PipelineParity : IParityFixture
{
    private const string FirstChunk = "chunk0_";

    /// <inheritdoc/>
    public bool Recognises(ParityManifest manifest) => manifest.Component.Contains("LipsyncPipeline", StringComparison.Ordinal);

    /// <inheritdoc/>
    public IEnumerable<ParityComparison> Run(ParityManifest manifest)
    {
        TorchRuntime.EnsureLoaded();
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        string unetWeights = Text(manifest, "weights", "unet");
        string vaeWeights = Text(manifest, "weights", "vae");
        using UNet3DConditionModel network = UNetParity.LoadNetwork(Sibling(manifest, unetWeights), Path.GetFileName(unetWeights));
        using AutoencoderKL autoencoder = LoadAutoencoder(Sibling(manifest, vaeWeights), Path.GetFileName(vaeWeights));
        using TensorArchive io = manifest.OpenArchive("io.safetensors");
        int steps = manifest.Require("config", "num_inference_steps").GetInt32();
        DdimScheduler scheduler = new();
        List<ParityComparison> comparisons = [];
        if (manifest.Require("config").TryGetProperty("timesteps", out JsonElement timesteps))
        {
            long[] expected = [.. timesteps.EnumerateArray().Select(t => t.GetInt64())];
            comparisons.Add(ParityComparer.CompareExact("timesteps", [.. scheduler.Timesteps(steps).Select(t => (long)t)], expected));
        }
        foreach (JsonProperty variant in manifest.Require("variants").EnumerateObject())
        {
            ChunkGeneratorOptions options = new()
            {
                InferenceSteps = steps,
                GuidanceScale = variant.Value.GetProperty("guidance_scale").GetDouble(),
            };
            ChunkGenerator generator = new(network, autoencoder, options, scheduler);
            bool usesMean = variant.Value.GetProperty("latent_dist").GetString()?.StartsWith("mean", StringComparison.Ordinal) == true;
            Dictionary<string, Tensor> results = RunVariant(manifest, io, generator, usesMean, scope);
            comparisons.AddRange(Compare(manifest, io, variant.Name, results));
        }
        return comparisons;
    }

    private static Dictionary<string, Tensor> RunVariant(
        ParityManifest manifest,
        TensorArchive io,
        ChunkGenerator generator,
        bool usesMean,
        DisposeScope scope
    )
    {
        Tensor pixels = ParityTensors.Read(io, "faces").to(ScalarType.Float32).permute(0, 3, 1, 2) / 255; // (F, 3, R, R)
        Tensor faces = (pixels - 0.5) / 0.5;
        Tensor mask = ReadMask(io);
        Tensor tokens = ParityTensors.Read(io, "audio_chunks");
        Tensor start = ParityTensors.Read(io, "initial_noise");
        GivenNoise? noise = usesMean
            ? null
            : new GivenNoise(ParityTensors.Read(io, "vae_noise_masked"), ParityTensors.Read(io, "vae_noise_reference"));
        Dictionary<string, Tensor> results = [];
        List<Tensor> latentsAfterSteps = [];
        List<ChunkResult> chunks = [];
        int perChunk = manifest.Require("config", "num_frames").GetInt32();
        for (long first = 0; first < faces.shape[0]; first += perChunk)
        {
            long count = Math.Min(perChunk, faces.shape[0] - first);
            noise?.MoveTo(first);
            ChunkInput input = new(faces.narrow(0, first, count), mask, tokens.narrow(0, first, count), start);
            chunks.Add(generator.Generate(input, noise, observer: first == 0 ? Keep : null));
        }
        results[$"{FirstChunk}latents_after_each_step"] = stack(latentsAfterSteps); // (steps, 1, 4, f, s, s)
        Tensor frames = cat(chunks.Select(c => c.Composites).ToList()); // (F, 3, R, R)
        results["final_frames"] = frames;
        results["final_latents"] = cat(chunks.Select(c => c.Latents).ToList(), 2); // (1, 4, F, s, s)
        results["final_frames_uint8"] = ((frames / 2 + 0.5).clamp(0, 1) * 255).permute(0, 2, 3, 1).to(ScalarType.Byte); // (F, R, R, 3), truncated
        return results;

        void Keep(string name, Tensor value)
        {
            Tensor copy = value.clone().MoveToOtherDisposeScope(scope); // the generator's own scope ends before the comparison
            if (name == "latents")
            {
                latentsAfterSteps.Add(copy);
            }
            else
            {
                results[FirstChunk + name] = copy;
            }
        }
    }

    private static IEnumerable<ParityComparison> Compare(
        ParityManifest manifest,
        TensorArchive io,
        string variant,
        Dictionary<string, Tensor> results
    )
    {
        (double atol, double rtol) = manifest.Tolerance("float32") ?? (1e-4, 1e-3);
        foreach (
            string name in io.Tensors.Keys.Where(n => n.StartsWith($"{variant}.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
        )
        {
            string what = name[(variant.Length + 1)..];
            if (what.EndsWith("_indices", StringComparison.Ordinal))
            {
                continue; // says which frames another entry holds
            }
            using Tensor expected = ParityTensors.Read(io, name);
            if (what == "final_frames_picked")
            {
                using Tensor indices = ParityTensors.Read(io, $"{name}_indices");
                using Tensor picked = results["final_frames"].index_select(0, indices);
                yield return ParityComparer.Compare(name, picked, expected, atol, rtol);
            }
            else if (!results.TryGetValue(what, out Tensor? actual))
            {
                yield return new ParityComparison(name, false, double.PositiveInfinity, "this project computes no value of this name");
            }
            else if (expected.dtype == ScalarType.Byte)
            {
                yield return CompareLevels(name, actual, expected);
            }
            else
            {
                // Of the first chunk only the first item and frame were recorded.
                using Tensor part = what.StartsWith(FirstChunk, StringComparison.Ordinal)
                    ? UNetParity.LeadingPart(actual, expected.shape)
                    : actual.alias();
                yield return ParityComparer.Compare(name, part, expected, atol, rtol);
            }
        }
    }

    // Truncation turns a tiny difference into a level, so one level on every value, and no more on 99.9 % of them, is what can be asked for.
    private static ParityComparison CompareLevels(string name, Tensor actual, Tensor expected)
    {
        if (!actual.shape.SequenceEqual(expected.shape))
        {
            return new ParityComparison(
                name,
                false,
                double.PositiveInfinity,
                $"the shape is ({string.Join(", ", actual.shape)}), expected ({string.Join(", ", expected.shape)})"
            );
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor difference = (actual.to(ScalarType.Int32) - expected.to(ScalarType.Int32)).abs();
        long beyond = (difference > 1).sum().item<long>();
        double share = beyond / (double)difference.numel();
        string detail = string.Create(
            CultureInfo.InvariantCulture,
            $"{beyond} of {difference.numel()} values differ by more than one level; at most 0.1 % may"
        );
        return new ParityComparison(name, share <= 0.001, difference.max().item<int>(), detail);
    }

    // (R, R) of 0 and 1, or of 0 to 255, to (1, R, R) in [0, 1].
    private static Tensor ReadMask(TensorArchive io)
    {
        Tensor mask = ParityTensors.Read(io, "mask").to(ScalarType.Float32).unsqueeze(0);
        return mask.max().item<float>() > 1 ? mask / 255 : mask;
    }

    private static AutoencoderKL LoadAutoencoder(ParityManifest manifest, string weightsFile)
    {
        AutoencoderKL autoencoder = AutoencoderKL.Create(
            AutoencoderConfiguration.FromJson(manifest.Require("config")),
            ScalarType.Float32,
            CPU
        );
        using TensorArchive weights = manifest.OpenArchive(weightsFile);
        AutoencoderCheckpoint.Load(autoencoder, weights);
        return autoencoder;
    }

    // The fixture whose folder holds a file, for instance of "../unet_motion/weights.safetensors".
    private static ParityManifest Sibling(ParityManifest manifest, string file) =>
        ParityManifest.Read(Path.GetDirectoryName(manifest.File(file))!);

    private static string Text(ParityManifest manifest, params ReadOnlySpan<string> path) =>
        manifest.Require(path).GetString()
        ?? throw new ParityException($"{manifest.File(ParityManifest.FileName)}: {string.Join(" / ", path)} is no text.");

    /// <summary>The recorded noise, chunk after chunk.</summary>
    private sealed class GivenNoise : ILatentNoise
    {
        private readonly Tensor _masked;
        private readonly Tensor _reference;
        private long _first;

        public GivenNoise(Tensor masked, Tensor reference) => (_masked, _reference) = (masked, reference);

        public void MoveTo(long first) => _first = first;

        public Tensor Draw(LatentNoisePurpose purpose, long[] shape) =>
            (purpose == LatentNoisePurpose.MaskedLatents ? _masked : _reference).narrow(0, _first, shape[0]);
    }
}
