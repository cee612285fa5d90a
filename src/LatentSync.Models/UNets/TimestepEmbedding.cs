using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Layers;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>A timestep as a vector: sines and cosines of C0 frequencies, then two linear layers.</summary>
/// <remarks>diffusers' Timesteps and TimestepEmbedding; Denoising Diffusion Probabilistic Models, arXiv:2006.11239.</remarks>
internal sealed class TimestepEmbedding : nn.Module
{
    private const double MaximumPeriod = 10000;

    [ComponentName(Name = "linear_1")]
    private readonly LinearLayer _linear1;

    [ComponentName(Name = "linear_2")]
    private readonly LinearLayer _linear2;

    private readonly UNet3DConfiguration _configuration;

    public TimestepEmbedding(UNetSettings settings)
        : base(nameof(TimestepEmbedding))
    {
        _configuration = settings.Configuration;
        _linear1 = settings.Linear(_configuration.BlockOutChannels[0], _configuration.TimeEmbeddingWidth);
        _linear2 = settings.Linear(_configuration.TimeEmbeddingWidth, _configuration.TimeEmbeddingWidth);
        RegisterComponents();
    }

    /// <summary>Timesteps (b) to (b, 4 · C0).</summary>
    public Tensor Forward(Tensor timesteps, ScalarType dtype, UNetObserver? observer)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor waves = Waves(timesteps); // (b, C0), float32 as in the original
        observer?.Invoke("time_proj", waves);
        Tensor hidden = _linear1.call(waves.to(dtype)).Then(x => x.silu()); // (b, 4·C0)
        Tensor embedding = _linear2.call(hidden); // (b, 4·C0)
        observer?.Invoke("time_embedding", embedding);
        return embedding.MoveToOuterDisposeScope();
    }

    private Tensor Waves(Tensor timesteps)
    {
        long width = _configuration.BlockOutChannels[0];
        long half = width / 2;
        Tensor exponents = TensorArithmetic.Range(0, half, ScalarType.Float32, timesteps.device).Times(-Math.Log(MaximumPeriod));
        Tensor frequencies = exponents.Over(half - _configuration.FrequencyShift).exp(); // (C0/2)
        Tensor angles = timesteps.to(ScalarType.Float32).unsqueeze(1) * frequencies; // (b, C0/2)
        Tensor sines = angles.sin();
        Tensor cosines = angles.cos();
        Tensor waves = _configuration.FlipSinToCos ? cat([cosines, sines], 1) : cat([sines, cosines], 1); // (b, C0 or C0 - 1)
        return width % 2 == 0 ? waves : cat([waves, zeros_like(waves.narrow(1, 0, 1))], 1);
    }
}
