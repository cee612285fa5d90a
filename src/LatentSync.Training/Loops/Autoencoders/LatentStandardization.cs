using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Autoencoders;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.Autoencoders;

/// <summary>Gives every channel of the latents mean 0 and deviation 1, as diffusion expects them, without changing any picture: the map is
/// folded into the 1x1 convolutions on both sides of the latents.</summary>
/// <remarks>Latent diffusion divides all channels by one deviation (arXiv:2112.10752, appendix G). A small autoencoder's channels differ by
/// a factor of ten, so that one number would leave some in the noise.</remarks>
internal static class LatentStandardization
{
    /// <summary>Changes <c>quant_conv</c> and <c>post_quant_conv</c>: z' = (z - mean) / deviation.</summary>
    /// <param name="network">The autoencoder; changed.</param>
    /// <param name="mean">(c).</param>
    /// <param name="deviation">(c), above 0.</param>
    /// <returns>The <c>scaling_factor</c> to store: 1, or 1 / the root mean square deviation where the network lacks one of the
    /// convolutions and is left as it is.</returns>
    public static double Fold(AutoencoderKL network, Tensor mean, Tensor deviation)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor safe = deviation.clamp_min(Scalars.Of(1e-6));
        if (!network.Configuration.UseQuantConv || !network.Configuration.UsePostQuantConv)
        {
            return 1 / Math.Sqrt((safe * safe).mean().item<float>());
        }
        Dictionary<string, Tensor> state = network.state_dict();
        (Tensor weight, Tensor bias) = (state["quant_conv.weight"], state["quant_conv.bias"]); // (2c, 2c, 1, 1), (2c): mean, then log-variance
        long channels = mean.shape[0];
        Tensor rows = weight.narrow(0, 0, channels),
            shifts = bias.narrow(0, 0, channels),
            logs = bias.narrow(0, channels, channels);
        rows.copy_(rows / safe.view(-1, 1, 1, 1));
        shifts.copy_((shifts - mean) / safe);
        logs.copy_(logs - safe.log().Times(2));
        (Tensor back, Tensor offset) = (state["post_quant_conv.weight"], state["post_quant_conv.bias"]); // (c, c, 1, 1), (c)
        offset.copy_(offset.Plus(back.flatten(1).mv(mean)));
        back.copy_(back * safe.view(1, -1, 1, 1));
        return 1;
    }
}
