using System.Text.Json;
using System.Text.RegularExpressions;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Checkpoints;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Parity;

/// <summary>The denoising network: every recorded case, and the inner modules that were recorded for one of them.</summary>
public sealed class UNetParity : IParityFixture
{
    private const string Intermediates = "intermediates.safetensors";

    /// <inheritdoc/>
    public bool Recognises(ParityManifest manifest) => manifest.Component.Contains("UNet3DConditionModel", StringComparison.Ordinal);

    /// <inheritdoc/>
    public IEnumerable<ParityComparison> Run(ParityManifest manifest)
    {
        TorchRuntime.EnsureLoaded();
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using UNet3DConditionModel network = LoadNetwork(manifest.Require("config"), manifest, "weights.safetensors");
        using TensorArchive io = manifest.OpenArchive("io.safetensors");
        (double atol, double rtol) = manifest.Tolerance("float32") ?? (1e-4, 1e-4);
        string recordedCase = RecordedCase(manifest);
        List<ParityComparison> comparisons = [];
        foreach (JsonProperty entry in manifest.Require("cases").EnumerateObject())
        {
            List<string> sources = SourcesOf(manifest, entry.Name);
            Tensor sample = Read("sample");
            Tensor timestep = Read("timestep");
            Tensor? tokens = Find("encoder_hidden_states") is { } name ? ParityTensors.Read(io, name) : null;
            bool isRecorded = entry.Name == recordedCase && File.Exists(manifest.File(Intermediates));
            using InnerOutputs? inner = isRecorded ? new InnerOutputs(network, manifest.OpenArchive(Intermediates), sample.shape[2]) : null;
            Tensor output = network.forward(
                sample,
                timestep,
                tokens,
                new UNetForwardOptions { Observer = inner is null ? null : inner.Keep }
            );
            if (inner is not null)
            {
                comparisons.AddRange(inner.Compare(atol, rtol));
            }
            comparisons.Add(
                ParityComparer.Compare($"{entry.Name}.output", output, ParityTensors.Read(io, $"{entry.Name}.output"), atol, rtol)
            );

            string? Find(string what) => sources.Select(source => $"{source}.{what}").FirstOrDefault(io.Tensors.ContainsKey);

            Tensor Read(string what) => ParityTensors.Read(io, Find(what) ?? $"{entry.Name}.{what}");
        }
        return comparisons;
    }

    /// <summary>The network of a configuration with a file of weights.</summary>
    internal static UNet3DConditionModel LoadNetwork(JsonElement config, ParityManifest manifest, string weightsFile)
    {
        using TensorArchive weights = manifest.OpenArchive(weightsFile);
        (UNet3DConditionModel network, UNetLoadReport report) = UNetCheckpoint.Open(
            weights.Path,
            UNet3DConfiguration.FromJson(config),
            ScalarType.Float32,
            CPU
        );
        string[] unfit = [.. report.Missing.Union(report.Dropped)];
        if (unfit.Length == 0)
        {
            return network;
        }
        network.Dispose();
        throw new ParityException(
            $"{weights.Path} lacks {unfit.Length} tensors of the network that the manifest describes, or has them in another shape, for instance {unfit[0]}."
        );
    }

    // A case holds what differs from the case that its "inputs_as_in" names, which may refer to a further one.
    private static List<string> SourcesOf(ParityManifest manifest, string name)
    {
        List<string> sources = [];
        for (string? source = name; source is not null && !sources.Contains(source); )
        {
            sources.Add(source);
            JsonElement entry = manifest.Require("cases", source);
            source =
                entry.ValueKind == JsonValueKind.Object
                && entry.TryGetProperty("inputs_as_in", out JsonElement other)
                && other.ValueKind == JsonValueKind.String
                    ? other.GetString()
                    : null;
        }
        return sources;
    }

    /// <summary>The case for which inner outputs were recorded, which the manifest says in words: "... submodules for case main;
    /// ...".</summary>
    /// <returns>The case named after the word "case", else the one named anywhere in the text, else the manifest's first.</returns>
    internal static string RecordedCase(ParityManifest manifest)
    {
        string[] names = [.. manifest.Require("cases").EnumerateObject().Select(entry => entry.Name)];
        if (names.Length == 0)
        {
            throw new ParityException($"{manifest.File(ParityManifest.FileName)}: cases is empty; this kind of fixture has one at least.");
        }
        string prose =
            manifest.Root.TryGetProperty("tensors", out JsonElement tensors)
            && tensors.ValueKind == JsonValueKind.Object
            && tensors.TryGetProperty(Intermediates, out JsonElement text)
            && text.ValueKind == JsonValueKind.String
                ? text.GetString()!
                : string.Empty;
        return names.FirstOrDefault(name => Mentions(@"\bcase\s+\W?", name))
            ?? names.FirstOrDefault(name => Mentions(string.Empty, name))
            ?? names[0];

        // As a word of its own, where hyphens belong to words: "main" is not named by "main-long".
        bool Mentions(string before, string name) =>
            Regex.IsMatch(prose, $@"{before}(?<![\w-]){Regex.Escape(name)}(?![\w-])", RegexOptions.CultureInvariant);
    }

    /// <summary>Keeps the outputs of the modules that a file names: blocks by the network's observer, single layers by hooks.</summary>
    private sealed class InnerOutputs : IDisposable
    {
        private readonly TensorArchive _recorded;
        private readonly long _frames;
        private readonly Dictionary<string, Tensor> _outputs = [];
        private readonly List<Action> _unhook = [];

        public InnerOutputs(UNet3DConditionModel network, TensorArchive recorded, long frames)
        {
            (_recorded, _frames) = (recorded, frames);
            foreach ((string name, nn.Module module) in network.named_modules())
            {
                if (recorded.Tensors.ContainsKey(name) && module is nn.Module<Tensor, Tensor> layer)
                {
                    _unhook.Add(
                        layer
                            .register_forward_hook(
                                (_, _, output) =>
                                {
                                    Keep(name, output);
                                    return output;
                                }
                            )
                            .remove
                    );
                }
            }
        }

        public void Keep(string name, Tensor output)
        {
            if (!_recorded.Tensors.TryGetValue(name, out TensorInfo? info))
            {
                return;
            }
            using Tensor video = Unfold(output, info.Shape.Count);
            Tensor copy = video.detach().clone().DetachFromDisposeScope();
            if (_outputs.Remove(name, out Tensor? before))
            {
                before.Dispose(); // the observer's view of a module counts, not its layer's
            }
            _outputs[name] = copy;
        }

        public IEnumerable<ParityComparison> Compare(double atol, double rtol)
        {
            if (_recorded.Tensors.Count == 0)
            {
                yield return new ParityComparison(Intermediates, false, double.PositiveInfinity, "the file is there but records no module");
            }
            foreach (string name in _recorded.Tensors.Keys.Order(StringComparer.Ordinal))
            {
                if (!_outputs.TryGetValue(name, out Tensor? output))
                {
                    yield return new ParityComparison(name, false, double.PositiveInfinity, "no module of this name showed an output");
                    continue;
                }
                using Tensor expected = ParityTensors.Read(_recorded, name);
                using Tensor part = LeadingPart(output, expected.shape);
                yield return ParityComparer.Compare(name, part, expected, atol, rtol);
            }
        }

        public void Dispose()
        {
            foreach (Action unhook in _unhook)
            {
                unhook();
            }
            foreach (Tensor output in _outputs.Values)
            {
                output.Dispose();
            }
            _recorded.Dispose();
        }

        // A convolution sees (b·f, C, h, w) where the original's shows (b, C, f, h, w).
        private Tensor Unfold(Tensor output, int wantedAxes)
        {
            if (output.dim() != 4 || wantedAxes != 5)
            {
                return output.alias();
            }
            long[] shape = output.shape;
            using Tensor unfolded = output.reshape(shape[0] / _frames, _frames, shape[1], shape[2], shape[3]);
            return unfolded.permute(0, 2, 1, 3, 4);
        }
    }

    /// <summary>The first entries along each axis: fixtures record parts.</summary>
    internal static Tensor LeadingPart(Tensor output, long[] shape)
    {
        Tensor part = output.alias();
        for (int axis = 0; part.dim() == shape.Length && axis < shape.Length; axis++)
        {
            if (shape[axis] < part.shape[axis])
            {
                Tensor narrowed = part.narrow(axis, 0, shape[axis]);
                part.Dispose();
                part = narrowed;
            }
        }
        return part;
    }
}
