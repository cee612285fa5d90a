using LatentSync.Checkpoints;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;
using LatentSync.Models.Tests.Loading;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Autoencoders;

public sealed class AutoencoderKLTests
{
    [Fact]
    public void Encode_GoldenImage_MatchesTheOriginal()
    {
        using GoldenFixture golden = new("vae");
        using AutoencoderKL vae = GoldenVae(golden, ScalarType.Float32);
        using IDisposable noGrad = no_grad();
        using Tensor image = golden.Read("image");
        (Tensor mean, Tensor logVariance) = vae.Encode(image);
        using (mean)
        using (logVariance)
        {
            TensorAssert.Close(mean, golden.Read("mean"), 2e-4, 1e-4);
            TensorAssert.Close(logVariance, golden.Read("logvar"), 2e-4, 1e-4);
        }
    }

    [Theory]
    [InlineData("mean", "decoded_from_mean")]
    [InlineData("z", "decoded_from_z")]
    public void Decode_GoldenLatents_MatchTheOriginal(string latents, string pixels)
    {
        using GoldenFixture golden = new("vae");
        using AutoencoderKL vae = GoldenVae(golden, ScalarType.Float32);
        using IDisposable noGrad = no_grad();
        using Tensor input = golden.Read(latents);
        using Tensor decoded = vae.Decode(input);
        TensorAssert.Close(decoded, golden.Read(pixels), 2e-4, 1e-4);
    }

    private static AutoencoderKL GoldenVae(GoldenFixture golden, ScalarType dtype)
    {
        AutoencoderKL vae = AutoencoderKL.Create(AutoencoderConfiguration.FromJson(golden.Configuration), dtype, CPU);
        using TensorArchive weights = golden.OpenWeights();
        StateDictLoader.Load(vae, weights);
        return vae;
    }
}
