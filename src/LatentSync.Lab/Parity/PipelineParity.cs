using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Checkpoints;
using LatentSync.Chunks;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Schedulers;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Parity;

/// <summary>The denoising part of the original's pipeline: every variant over all chunks, from aligned faces to pasted ones.</summary>
public sealed class PipelineParity : IParityFixture
{
    private const string Picked = "_picked";
    private const string Indices = "_indices";

    private static readonly string[] Inputs = ["faces", "mask", "audio_chunks", "initial_noise", "vae_noise_masked", "vae_noise_reference"];

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
        using UNet3DConditionModel network = UNetParity.LoadNetwork(ConfigOf(manifest, "unet", unetWeights), manifest, unetWeights);
        using AutoencoderKL autoencoder = LoadAutoencoder(manifest, vaeWeights);
        using TensorArchive io = manifest.OpenArchive("io.safetensors");
        int steps = manifest.Require("config", "num_inference_steps").GetInt32();
        DdimScheduler scheduler = new(Find(manifest.Root, "scheduler") is { } config ? SchedulerConfiguration.FromJson(config) : null);
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
                InferenceSteps = variant.Value.TryGetProperty("num_inference_steps", out JsonElement own) ? own.GetInt32() : steps,
                GuidanceScale = manifest.Require("variants", variant.Name, "guidance_scale").GetDouble(),
            };
            ChunkGenerator generator = new(network, autoencoder, options, scheduler);
            Dictionary<string, Tensor> results = RunVariant(manifest, io, generator, variant, scope);
            ParityComparison[] compared = [.. Compare(manifest, io, variant.Name, results)];
            comparisons.AddRange(
                compared.Length > 0
                    ? compared
                    : [new ParityComparison(variant.Name, false, double.PositiveInfinity, "the fixture records no value of this variant")]
            );
        }
        return comparisons;
    }

    private static Dictionary<string, Tensor> RunVariant(
        ParityManifest manifest,
        TensorArchive io,
        ChunkGenerator generator,
        JsonProperty variant,
        DisposeScope scope
    )
    {
        Tensor pixels = Input("faces").to(ScalarType.Float32).permute(0, 3, 1, 2).Over(255); // (F, 3, R, R)
        Tensor faces = pixels.Minus(0.5).Over(0.5);
        Tensor mask = UnitMask(Input("mask"));
        Tensor tokens = Input("audio_chunks");
        Tensor start = Input("initial_noise");
        bool usesMean = variant.Value.TryGetProperty("latent_dist", out JsonElement kind)
            ? kind.GetString()?.StartsWith("mean", StringComparison.Ordinal) == true
            : !io.Tensors.ContainsKey(InputName("vae_noise_masked"));
        GivenNoise? noise = usesMean ? null : new GivenNoise(Input("vae_noise_masked"), Input("vae_noise_reference"));
        Dictionary<string, Tensor> results = [];
        List<Tensor> latentsAfterSteps = [];
        string chunk = string.Empty;
        List<ChunkResult> chunks = [];
        int perChunk = manifest.Require("config", "num_frames").GetInt32();
        for (long first = 0; first < faces.shape[0]; first += perChunk)
        {
            long count = Math.Min(perChunk, faces.shape[0] - first);
            noise?.MoveTo(first);
            ChunkInput input = new(faces.narrow(0, first, count), mask, tokens.narrow(0, first, count), start);
            chunk = string.Create(CultureInfo.InvariantCulture, $"chunk{first / perChunk}_");
            bool isRecorded = io.Tensors.Keys.Any(name => name.StartsWith($"{variant.Name}.{chunk}", StringComparison.Ordinal));
            chunks.Add(generator.Generate(input, noise, observer: isRecorded ? Keep : null));
            if (isRecorded)
            {
                results[$"{chunk}latents_after_each_step"] = stack(latentsAfterSteps); // (steps, 1, 4, f, s, s)
                latentsAfterSteps.Clear();
            }
        }
        Tensor frames = cat(chunks.Select(c => c.Composites).ToList()); // (F, 3, R, R)
        results["final_frames"] = frames;
        results["final_latents"] = cat(chunks.Select(c => c.Latents).ToList(), 2); // (1, 4, F, s, s)
        Tensor unit = frames.Over(2).Plus(0.5).clamp(Scalars.Zero, Scalars.One); // (F, 3, R, R)
        results["final_frames_uint8"] = unit.Times(255).permute(0, 2, 3, 1).to(ScalarType.Byte); // (F, R, R, 3), truncated
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
                results[chunk + name] = copy;
            }
        }

        // A variant may have inputs of its own.
        string InputName(string name) => io.Tensors.ContainsKey($"{variant.Name}.{name}") ? $"{variant.Name}.{name}" : name;

        Tensor Input(string name) => ParityTensors.Read(io, InputName(name));
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
            if (Inputs.Contains(what) || what.EndsWith(Picked + Indices, StringComparison.Ordinal))
            {
                continue; // the latter say which frames another entry holds
            }
            bool isPicked = what.EndsWith(Picked, StringComparison.Ordinal);
            if (!results.TryGetValue(isPicked ? what[..^Picked.Length] : what, out Tensor? actual))
            {
                yield return new ParityComparison(name, false, double.PositiveInfinity, "this project computes no value of this name");
                continue;
            }
            using Tensor expected = ParityTensors.Read(io, name);
            using Tensor part =
                isPicked ? Pick(actual, what, ParityTensors.ReadIntegers(io, name + Indices))
                : what.StartsWith("chunk", StringComparison.Ordinal) ? UNetParity.LeadingPart(actual, expected.shape) // the first item and frame
                : actual.alias();
            yield return expected.dtype == ScalarType.Byte
                ? CompareLevels(name, part, expected)
                : ParityComparer.Compare(name, part, expected, atol, rtol);
        }
    }

    // Frames along the first axis of pictures, before rows and columns in latents: (1, 4, F, s, s), (steps, 1, 4, F, s, s).
    private static Tensor Pick(Tensor all, string what, long[] indices)
    {
        long axis = what.Contains("latents", StringComparison.Ordinal) ? all.dim() - 3 : 0;
        if (indices.Any(index => index < 0 || index >= all.shape[axis]))
        {
            throw new ParityException($"{what}{Indices} names frames that do not exist; there are {all.shape[axis]}.");
        }
        using Tensor wanted = tensor(indices);
        return all.index_select(axis, wanted);
    }

    // Truncation turns a tiny difference into a level, so one level on every value, and no more on 99.9 % of them, is what can be asked
    // for.
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
        long beyond = difference.gt(Scalars.One).sum().item<long>();
        double share = beyond / (double)difference.numel();
        string detail = string.Create(
            CultureInfo.InvariantCulture,
            $"{beyond} of {difference.numel()} values differ by more than one level; at most 0.1 % may"
        );
        return new ParityComparison(name, share <= 0.001, difference.max().item<int>(), detail);
    }

    // (R, R) of 0 and 1, or of 0 to 255, to (1, R, R) in [0, 1].
    private static Tensor UnitMask(Tensor stored)
    {
        Tensor mask = stored.to(ScalarType.Float32).unsqueeze(0);
        return mask.max().item<float>() > 1 ? mask.Over(255) : mask;
    }

    private static AutoencoderKL LoadAutoencoder(ParityManifest manifest, string weightsFile)
    {
        AutoencoderConfiguration configuration = AutoencoderConfiguration.FromJson(ConfigOf(manifest, "vae", weightsFile));
        // The original's pipeline sets these by hand after loading, whatever the autoencoder's own configuration says.
        configuration = configuration with
        {
            ScalingFactor = Number(manifest, "scaling_factor") ?? configuration.ScalingFactor,
            ShiftFactor = Number(manifest, "shift_factor") ?? configuration.ShiftFactor,
        };
        using TensorArchive weights = manifest.OpenArchive(weightsFile);
        return AutoencoderCheckpoint.Load(configuration, weights, ScalarType.Float32, CPU);
    }

    private static double? Number(ParityManifest manifest, string key) =>
        manifest.Require("config").TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number
            ? value.GetDouble()
            : null;

    // A network's configuration: in the pipeline's own manifest, or in the manifest beside its weights
    // ("../unet_motion/weights.safetensors").
    private static JsonElement ConfigOf(ParityManifest manifest, string network, string weightsFile)
    {
        if (Find(manifest.Root, network) is { } config)
        {
            return config;
        }
        string folder = Path.GetDirectoryName(manifest.File(weightsFile))!;
        if (folder == Path.TrimEndingDirectorySeparator(manifest.Folder))
        {
            throw new ParityException(
                $"{manifest.File(ParityManifest.FileName)} has the weights of \"{network}\" in its own folder but not their configuration; an object \"{network}_config\" is required."
            );
        }
        return ParityManifest.Read(folder).Require("config");
    }

    // "unet_config" at the root or under "config", or "unet" under "configs" or "config".
    private static JsonElement? Find(JsonElement root, string network)
    {
        (string Parent, string Key)[] places =
        [
            (string.Empty, $"{network}_config"),
            ("configs", network),
            ("config", $"{network}_config"),
            ("config", network),
        ];
        foreach ((string parent, string key) in places)
        {
            JsonElement holder = root;
            bool isThere = parent.Length == 0 || root.TryGetProperty(parent, out holder) && holder.ValueKind == JsonValueKind.Object;
            if (isThere && holder.TryGetProperty(key, out JsonElement config) && config.ValueKind == JsonValueKind.Object)
            {
                return config;
            }
        }
        return null;
    }

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
