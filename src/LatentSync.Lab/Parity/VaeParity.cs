using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Checkpoints;
using LatentSync.Models.Autoencoders;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Parity;

/// <summary>The image autoencoder: moments, distribution, sample, decoded images, and the inner modules that were recorded.</summary>
public sealed class VaeParity : IParityFixture
{
    /// <inheritdoc/>
    public bool Recognises(ParityManifest manifest) => manifest.Component.Contains("AutoencoderKL", StringComparison.Ordinal);

    /// <inheritdoc/>
    public IEnumerable<ParityComparison> Run(ParityManifest manifest)
    {
        TorchRuntime.EnsureLoaded();
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        AutoencoderConfiguration configuration = AutoencoderConfiguration.FromJson(manifest.Require("config"));
        using TensorArchive weights = manifest.OpenArchive("weights.safetensors");
        using AutoencoderKL vae = AutoencoderCheckpoint.Load(configuration, weights, ScalarType.Float32, CPU);
        using TensorArchive io = manifest.OpenArchive("io.safetensors");
        using ParityRecorder recorder = ParityRecorder.Attach(vae, manifest, "intermediates.safetensors");
        (double atol, double rtol) = manifest.Tolerance("float32") ?? (2e-4, 1e-4);
        List<ParityComparison> comparisons = [];

        if (io.Tensors.ContainsKey("image"))
        {
            Tensor moments = vae.EncodeMoments(ParityTensors.Read(io, "image"));
            (Tensor mean, Tensor logVariance) = vae.Encode(ParityTensors.Read(io, "image"));
            Compare("moments", moments);
            Compare("mean", mean);
            Compare("logvar", logVariance);
            Compare("std", logVariance.Times(0.5).exp());
            if (io.Tensors.ContainsKey("noise"))
            {
                Compare("sample", AutoencoderKL.Sample(mean, logVariance, ParityTensors.Read(io, "noise")));
            }
        }
        if (io.Tensors.ContainsKey("mean"))
        {
            Compare("decoded_from_mean", vae.Decode(ParityTensors.Read(io, "mean")));
        }
        if (io.Tensors.ContainsKey("z"))
        {
            recorder.Detach();
            Compare("decoded_from_z", vae.Decode(ParityTensors.Read(io, "z")));
        }
        return [.. recorder.Compare(atol, rtol), .. comparisons];

        void Compare(string name, Tensor actual)
        {
            if (io.Tensors.ContainsKey(name))
            {
                comparisons.Add(ParityComparer.Compare(name, actual, ParityTensors.Read(io, name), atol, rtol));
            }
        }
    }
}
